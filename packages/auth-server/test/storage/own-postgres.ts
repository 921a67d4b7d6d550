import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type OwnPostgresServer,
  startOwnPostgres,
} from '../../../resource/test/replay/postgres-server.js';
import {
  alternativeNames,
  basicConstraints,
  issue,
  issueRoot,
  keyPair,
} from '../../../protocol/test/x509/authority.js';
import { execute } from './postgres-database.js';

export interface TlsPostgresServer extends OwnPostgresServer {
  /** The CA of its certificate, which is for `localhost` alone. */
  readonly ca: string;
}

/** A server that takes connections with TLS and without. */
export async function startTlsPostgres(): Promise<TlsPostgresServer> {
  const server = await startOwnPostgres();
  const now = Math.floor(Date.now() / 1000);
  const validity = { notBefore: now - 3600, notAfter: now + 86_400 };
  const root = issueRoot({ ...validity, keys: keyPair.p256() });
  const leaf = issue(root, {
    ...validity,
    subject: 'database',
    keys: keyPair.p256(),
    extensions: [basicConstraints(false), alternativeNames({ dNSName: 'localhost' })],
  });
  const [row] = await execute<{ folder: string }>(
    server.url,
    `select setting as folder from pg_settings where name = 'data_directory'`,
  );
  const folder = row!.folder;
  const key = leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const [name, text] of Object.entries({ 'server.crt': leaf.pem, 'server.key': key })) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    // It reads only what is its own.
    const { uid, gid } = statSync(folder);
    chownSync(join(folder, name), uid, gid);
  }
  await execute(server.url, 'alter system set ssl = on');
  await execute(server.url, 'select pg_reload_conf()');
  return { ...server, ca: root.pem };
}
