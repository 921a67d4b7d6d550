#!/bin/bash
# As much of the official image's as the compose file relies on.
set -euo pipefail
export LANG=C.UTF-8
export PGDATA=/var/lib/postgresql/18/docker
programs=$(echo /usr/lib/postgresql/*/bin)
as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  install --directory --owner=postgres --group=postgres --mode=0700 "$PGDATA"
  password=$(mktemp)
  cat "$POSTGRES_PASSWORD_FILE" > "$password"
  chown postgres "$password"
  # shellcheck disable=SC2086
  "${as_postgres[@]}" "$programs/initdb" --username="$POSTGRES_USER" --pwfile="$password" $POSTGRES_INITDB_ARGS
  rm "$password"
  echo "create database $POSTGRES_DB" |
    "${as_postgres[@]}" "$programs/postgres" --single -j postgres
fi
exec "${as_postgres[@]}" "$programs/$1" "${@:2}"
