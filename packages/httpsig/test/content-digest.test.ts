import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkContentDigest, contentDigest, utf8 } from '../src/index.js';

const BODY = utf8('{"item":"lamp"}');
const digest = (algorithm: string, body: Uint8Array = BODY) =>
  createHash(algorithm).update(body).digest('base64');
const SHA256 = `sha-256=:${digest('sha256')}:`;
const SHA512 = `sha-512=:${digest('sha512')}:`;
const MD5 = `md5=:${digest('md5')}:`;
const UNIXSUM = 'unixsum=:AAAA:';

describe('a Content-Digest is written', () => {
  it('as the sha-256 of the body', async () => {
    expect(await contentDigest(BODY)).toBe(SHA256);
  });

  it('for a body of no bytes too', async () => {
    expect(await contentDigest(new Uint8Array())).toBe(
      'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
    );
  });
});

describe('a Content-Digest is accepted', () => {
  it.each([
    ['with sha-256', SHA256],
    ['with sha-512', SHA512],
    ['with both', `${SHA256}, ${SHA512}`],
    ['with both, parted by a comma only', `${SHA512},${SHA256}`],
    ['with an unknown algorithm beside a good one', `${MD5}, ${SHA256}`],
    ['with an unknown algorithm that is no byte sequence beside a good one', `${SHA256}, x=?1`],
    ['with parameters, which say nothing here', `${SHA256};q=1`],
    ['with spaces around it', ` ${SHA256} `],
  ])('%s', async (_what, header) => {
    await expect(checkContentDigest(header, BODY)).resolves.toBe(undefined);
  });
});

describe('a Content-Digest is refused', () => {
  const other = utf8('{"item":"lamb"}');
  const wrong256 = `sha-256=:${digest('sha256', other)}:`;
  const wrong512 = `sha-512=:${digest('sha512', other)}:`;
  const long = `sha-256=:${Buffer.concat([createHash('sha256').update(BODY).digest(), Buffer.of(0)]).toString('base64')}:`;
  const short = `sha-256=:${createHash('sha256').update(BODY).digest().subarray(0, 31).toString('base64')}:`;

  it.each([
    ['that is of another body', 'digest_mismatch', wrong256],
    ['that is of another body, sha-512', 'digest_mismatch', wrong512],
    [
      'of which one member is good and a later one bad',
      'digest_mismatch',
      `${SHA256}, ${wrong512}`,
    ],
    [
      'of which one member is bad and a later one good',
      'digest_mismatch',
      `${wrong512}, ${SHA256}`,
    ],
    ['that is cut short', 'digest_mismatch', short],
    ['that has a byte more', 'digest_mismatch', long],
    ['that is empty bytes', 'digest_mismatch', 'sha-256=::'],
    [
      'that has the sha-512 under the name of sha-256',
      'digest_mismatch',
      SHA512.replace('512', '256'),
    ],
    ['with unknown algorithms only', 'digest_unsupported', `${MD5}, ${UNIXSUM}`],
    ['with no member', 'digest_unsupported', ''],
    [
      'whose algorithm is named like a property of every object',
      'digest_unsupported',
      'constructor=:AAAA:',
    ],
    ['with the names RFC 3230 used', 'header_malformed', SHA256.replace('sha-256', 'SHA-256')],
    ['with a member given twice', 'header_repeated', `${SHA256}, ${SHA256}`],
    ['with an unknown member given twice', 'header_repeated', `${MD5}, ${MD5}, ${SHA256}`],
    [
      'with a wrong member before the good one of the same name',
      'header_repeated',
      `${wrong256}, ${SHA256}`,
    ],
    ['that is a string', 'header_malformed', `sha-256="${digest('sha256')}"`],
    ['that is a token', 'header_malformed', 'sha-256=abc'],
    ['that is true', 'header_malformed', 'sha-256'],
    ['that is a list', 'header_malformed', `sha-256=(:${digest('sha256')}:)`],
    ['without padding', 'header_malformed', `sha-256=:${digest('sha256').slice(0, -1)}:`],
    ['in base64url', 'header_malformed', 'sha-256=:-_-_:'],
    [
      'with a spare bit set',
      'header_malformed',
      'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:',
    ],
    ['that is not closed', 'header_malformed', SHA256.slice(0, -1)],
    ['with a comma at the end', 'header_malformed', `${SHA256},`],
    ['with text after it', 'header_malformed', `${SHA256} x`],
  ] as const)('%s', async (_what, rule, header) => {
    await expect(checkContentDigest(header, BODY)).rejects.toMatchObject({
      name: 'SignatureError',
      rule,
    });
  });

  it('when one bit of the body differs, at any place', async () => {
    for (let at = 0; at < BODY.length; at++) {
      const flipped = Uint8Array.from(BODY);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await expect(checkContentDigest(SHA256, flipped)).rejects.toMatchObject({
        rule: 'digest_mismatch',
      });
    }
  });

  it('and says which algorithms would be accepted', async () => {
    await expect(checkContentDigest(MD5, BODY)).rejects.toMatchObject({
      accepted: ['sha-256', 'sha-512'],
    });
  });
});
