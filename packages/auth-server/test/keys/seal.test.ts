import { generatePrivateJwk } from '@countersign/httpsig';
import type { JsonObject } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { isSealed, readKeyEncryptionKey, seal, unseal } from '../../src/keys/seal.js';

const ISSUER = 'https://as.example';
const secret = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');
const jwk = { ...(await generatePrivateJwk({ kid: 'k1' })) } as JsonObject & { kid: string };
const key = await readKeyEncryptionKey(secret(1));
const other = await readKeyEncryptionKey(secret(2));
const context = { issuer: ISSUER, kid: 'k1' };

describe('a sealed signing key', () => {
  it('is opened by the key that sealed it, and shows its public members only', async () => {
    const sealed = await seal(jwk, key, context);
    expect(isSealed(sealed)).toBe(true);
    expect(isSealed(jwk)).toBe(false);
    expect(sealed).toMatchObject({ kty: 'OKP', crv: 'Ed25519', x: jwk['x'], kid: 'k1' });
    expect(JSON.stringify(sealed)).not.toContain(String(jwk['d']));
    expect(JSON.stringify(sealed)).not.toContain(secret(1));
    expect(await unseal(sealed, [key], context)).toEqual(jwk);
    expect(await unseal(sealed, [other, key], context)).toEqual(jwk);
  });

  it('is another one each time', async () => {
    const one = await seal(jwk, key, context);
    expect((await seal(jwk, key, context))['sealed']).not.toEqual(one['sealed']);
  });

  it.each([
    ['without any key', [], context, 'is not configured.'],
    ['with another key', [other], context, `configured: ${other.name}`],
    ['at another issuer', [key], { ...context, issuer: 'https://x.example' }, 'does not verify'],
    ['in the place of another', [key], { ...context, kid: 'k2' }, 'does not verify'],
  ])('is not opened %s', async (_how, keys, where, why) => {
    const sealed = await seal(jwk, key, context);
    await expect(unseal(sealed, keys, where)).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining(why),
    });
  });

  it.each(['version', 'by', 'iv', 'bytes'])(
    'is not opened when its %s is another',
    async (name) => {
      const sealed = await seal(jwk, key, context);
      const parts = sealed['sealed'] as JsonObject;
      const value = parts[name];
      const changed =
        typeof value === 'string' ? `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}` : 2;
      const opening = unseal({ ...sealed, sealed: { ...parts, [name]: changed } }, [key], context);
      await expect(opening).rejects.toMatchObject({ code: 'configuration_invalid' });
    },
  );
});

describe('a key-encryption key', () => {
  it.each([
    ['short', 'AAAA'],
    ['long', `${secret(1)}AA`],
    ['padded', `${secret(1)}=`],
    ['no base64url', secret(1).replace(/^./, '+')],
    ['empty', ''],
  ])('that is %s is refused and not repeated', async (_what, text) => {
    const error: unknown = await readKeyEncryptionKey(text).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'configuration_invalid' });
    if (text !== '') expect((error as Error).message).not.toContain(text);
  });

  it('may have a line end behind it, as files do', async () => {
    expect((await readKeyEncryptionKey(`${secret(1)}\n`)).name).toBe(key.name);
  });
});
