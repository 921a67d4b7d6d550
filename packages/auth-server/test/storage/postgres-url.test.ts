import type { PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { StorageConfigurationError } from '../../src/storage/index.js';
import { readPostgresUrl } from '../../src/storage/postgres/postgres-url.js';

describe('the URL of a PostgreSQL database', () => {
  it('says where it is and who connects, with escaped characters', () => {
    expect(
      readPostgresUrl('postgres://me%40work:p%40ss%2F%25@db.example:6432/auth%20db'),
    ).toMatchObject({
      host: 'db.example',
      port: 6432,
      user: 'me@work',
      password: 'p@ss/%',
      database: 'auth db',
      limits: {},
    });
  });

  it('may leave out everything', () => {
    expect(readPostgresUrl('postgresql://')).toEqual({
      host: 'localhost',
      port: 5432,
      user: undefined,
      password: undefined,
      database: undefined,
      tls: false,
      applicationName: undefined,
      limits: {},
    });
  });

  it('may name an IPv6 address, or the directory of a Unix socket', () => {
    expect(readPostgresUrl('postgres://[::1]/x')).toMatchObject({ host: '::1', tls: false });
    const socket = readPostgresUrl('postgres:///x?host=/run/postgresql');
    expect(socket).toMatchObject({ host: '/run/postgresql', tls: false, database: 'x' });
  });

  it('has settings for the pool, times and the name in the server’s list', () => {
    const settings =
      'pool_size=3&connect_timeout=2&statement_timeout=1500&application_name=replica-1';
    expect(readPostgresUrl(`postgres://db.example/x?${settings}`)).toMatchObject({
      applicationName: 'replica-1',
      limits: {
        poolSize: 3,
        connectTimeoutMilliseconds: 2000,
        statementTimeoutMilliseconds: 1500,
      },
    });
  });

  it.each([
    ['postgres://db.example/x', true],
    ['postgres://192.0.2.1/x', true],
    ['postgres://127.0.0.1.example/x', true],
    ['postgres://localhost/x?sslmode=verify-full', true],
    ['postgres://db.example/x?sslmode=require', true],
    ['postgres://db.example/x?sslmode=verify-ca', true],
    ['postgres://db.example/x?sslmode=no-verify', false],
  ])('asks for TLS, verified unless said otherwise: %s', (url, verified) => {
    expect(readPostgresUrl(url).tls).toMatchObject({ rejectUnauthorized: verified });
  });

  it.each([
    ['postgres://192.0.2.1/x', 'IP Address:192.0.2.1', 'DNS:localhost'],
    ['postgres://[2001:db8::1]/x', 'IP Address:2001:DB8:0:0:0:0:0:1', 'IP Address:192.0.2.1'],
    ['postgres://db.example/x', 'DNS:db.example', 'DNS:localhost'],
  ])(
    'takes a certificate for the host that it names alone, whatever the driver asks for: %s',
    (url, own, other) => {
      const { tls } = readPostgresUrl(url);
      const check = tls === false ? undefined : tls.checkServerIdentity;
      const certificate = (subjectaltname: string) =>
        ({ subject: { CN: 'localhost' }, subjectaltname }) as unknown as PeerCertificate;
      expect(check?.('localhost', certificate(own))).toBeUndefined();
      expect(check?.('localhost', certificate(other))).toBeInstanceOf(Error);
    },
  );

  it.each([
    'postgres://db.example/x?sslmode=disable',
    'postgres://127.0.0.1/x',
    'postgres://localhost/x',
  ])('asks for no TLS where that is written, or on this machine: %s', (url) => {
    expect(readPostgresUrl(url).tls).toBe(false);
  });

  it.each([
    ['a port that is none', 'postgres://me:hunter2@db.example:port/x', 'cannot be read'],
    ['a % by itself', 'postgres://me:hunter2%@db.example/x', '%25'],
    ['a password among the settings', 'postgres://db.example/x?password=hunter2', '"password"'],
    [
      'a TLS mode that may leave it out',
      'postgres://me:hunter2@h.example/x?sslmode=prefer',
      'sslmode',
    ],
    ['no connections', 'postgres://me:hunter2@db.example/x?pool_size=0', 'pool_size'],
    [
      'a time in words',
      'postgres://me:hunter2@db.example/x?connect_timeout=long',
      'connect_timeout',
    ],
    ['a missing CA', 'postgres://me:hunter2@db.example/x?sslrootcert=/none/ca.pem', '/none/ca.pem'],
  ])('is refused with %s, without its password', (_case, url, why) => {
    let refused: unknown;
    try {
      readPostgresUrl(url);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(StorageConfigurationError);
    expect(String(refused)).toContain(why);
    expect(String(refused)).not.toContain('hunter2');
  });
});
