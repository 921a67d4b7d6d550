import { describe, expect, it } from 'vitest';
import {
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
  utf8,
} from '../src/index.js';

/** RFC 4648 section 10. */
const RFC4648 = [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
] as const;

describe('base64', () => {
  it.each(RFC4648)('writes and reads the RFC 4648 vector %j', (text, encoded) => {
    expect(encodeBase64(utf8(text))).toBe(encoded);
    expect(decodeBase64(encoded)).toEqual(utf8(text));
    expect(encodeBase64Url(utf8(text))).toBe(encoded.replaceAll('=', ''));
    expect(decodeBase64Url(encoded.replaceAll('=', ''))).toEqual(utf8(text));
  });

  it('agrees with Buffer for every byte in every position', () => {
    for (let length = 1; length <= 4; length++) {
      for (let at = 0; at < length; at++) {
        for (let byte = 0; byte < 256; byte++) {
          const bytes = new Uint8Array(length).fill(0xa5);
          bytes[at] = byte;
          const buffer = Buffer.from(bytes);
          const [standard, url] = [encodeBase64(bytes), encodeBase64Url(bytes)];
          const wrong =
            standard !== buffer.toString('base64') ||
            url !== buffer.toString('base64url') ||
            !buffer.equals(decodeBase64(standard) ?? new Uint8Array()) ||
            !buffer.equals(decodeBase64Url(url) ?? new Uint8Array());
          if (wrong) throw new Error(`${standard} or ${url}`);
        }
      }
    }
  });

  it('gives bytes that own their buffer', () => {
    expect(decodeBase64Url('Zm9v')?.buffer.byteLength).toBe(3);
  });

  it.each([
    ['padding left out', 'Zg'],
    ['half the padding left out', 'Zg='],
    ['padding where none is needed', 'Zm9v===='],
    ['too much padding', 'Zg==='],
    ['nothing but padding', '===='],
    ['one character and padding', 'Z==='],
    ['padding in the middle', 'Zg==Zm9v'],
    ['padding before text', '=Zm9'],
    ['one spare bit set (two characters)', 'Zh=='],
    ['the highest spare bit set (two characters)', 'Zo=='],
    ['one spare bit set (three characters)', 'Zm9='],
    ['the url-safe alphabet', '-_8='],
    ['a space at the end', 'Zm9 '],
    ['a space inside', 'Zm 9v'],
    ['a line feed', 'Zm9v\n'],
    ['a line feed within the count', 'Zm9\n'],
    ['a NUL', 'Zm9\0'],
    ['a character outside ASCII', 'Zm9é'],
    ['a character whose low byte is in the alphabet', 'Zm9\u0141'],
    ['an impossible length', 'Zm9vY'],
  ])('refuses %s', (_what, text) => {
    expect(decodeBase64(text)).toBe(undefined);
  });
});

describe('base64url', () => {
  it('reads its own two letters', () => {
    expect(decodeBase64Url('-_8')).toEqual(new Uint8Array([0xfb, 0xff]));
  });

  it.each([
    ['padding', 'Zg=='],
    ['the standard alphabet', '+/8'],
    ['one spare bit set (two characters)', 'Zh'],
    ['one spare bit set (three characters)', 'Zm9'],
    ['an impossible length', 'Z'],
    ['an impossible longer length', 'Zm9vY'],
    ['white space at the end', 'Zg '],
    ['white space in front', ' Zg'],
    ['a line feed', 'Zg\n'],
    ['a full stop', 'Zg.'],
    ['a character outside ASCII', 'Zé'],
    ['a character whose low byte is in the alphabet', 'Z\u0167'],
  ])('refuses %s', (_what, text) => {
    expect(decodeBase64Url(text)).toBe(undefined);
  });
});
