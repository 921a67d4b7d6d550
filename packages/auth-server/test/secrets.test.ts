import { describe, expect, it } from 'vitest';
import { Bench } from './endpoints/kit.js';
import { SecretWatch } from './secrets.js';

describe('the search for secrets in what is logged', () => {
  it('finds a token of an answer, names it and does not repeat it', () => {
    const watch = new SecretWatch();
    watch.secretsIn('{"auth_token":"eyJhbGciOi.the.token"}');
    watch.printed('a line about somebody');
    expect(() => watch.check()).not.toThrow();
    watch.printed('a line with eyJhbGciOi.the.token in it');
    expect(() => watch.check()).toThrow('What the servers wrote has secrets in it: auth_token.');
  });

  it.each([
    ['code', 'code=a-secret-code&x=1'],
    ['request_token', 'https://as.example/agent/auth?request_token=a-secret-code'],
    ['d', '{"kty":"OKP","d":"a-secret-code"}'],
  ])('knows a %s in a form, an address or a key', (name, text) => {
    const watch = new SecretWatch();
    watch.secretsIn(text);
    watch.printed('found: a-secret-code');
    expect(() => watch.check()).toThrow(`: ${name}.`);
  });

  it('fails a bench whose server told an observer a secret', async () => {
    const bench = await Bench.open();
    const { auth_token: token } = await bench.granted();
    expect(bench.secrets.count).toBeGreaterThan(8);
    expect(() => bench.secrets.check()).not.toThrow();
    bench.secrets.printed(`issued ${String(token)}`);
    await expect(bench.close()).rejects.toThrow('auth_token');
  });
});
