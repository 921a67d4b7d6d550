import { describe, expect, it } from 'vitest';
import { parseSignatureValue, serializeSignatureValue } from '../src/index.js';
import { ruleOf } from './support.js';

const BYTES = Uint8Array.from({ length: 64 }, (_, at) => (at * 37 + 251) & 255);
const STANDARD = Buffer.from(BYTES).toString('base64');
const URL_SAFE = Buffer.from(BYTES).toString('base64url');

describe('a Signature is read', () => {
  it('in standard base64, which is that of rfc9421', () => {
    expect(parseSignatureValue(`sig1=:${STANDARD}:`)).toEqual({
      label: 'sig1',
      bytes: BYTES,
      wires: ['rfc9421'],
    });
  });

  it('in unpadded base64url, which is that of both 2026 wires', () => {
    expect(parseSignatureValue(`sig1=:${URL_SAFE}:`)).toEqual({
      label: 'sig1',
      bytes: BYTES,
      wires: ['2026-02', '2026-01'],
    });
  });

  it('as any wire when it needs no padding and has no letter that tells', () => {
    const bytes = new Uint8Array(96);
    expect(parseSignatureValue(`sig1=:${'A'.repeat(128)}:`)).toEqual({
      label: 'sig1',
      bytes,
      wires: ['rfc9421', '2026-02', '2026-01'],
    });
  });

  it.each(['a', '*', 'a-b_c.d*9', 'k'.repeat(64)])('under the label %s', (label) => {
    expect(parseSignatureValue(`${label}=:${STANDARD}:`).label).toBe(label);
  });

  it('up to 4096 characters', () => {
    const text = `sig1=:${'A'.repeat(4088)}:`;
    expect(ruleOf(() => parseSignatureValue(text))).toBe('accepted');
    expect(ruleOf(() => parseSignatureValue(`s${text}`))).toBe('accepted');
    expect(ruleOf(() => parseSignatureValue(`ss${text}`))).toBe('header_too_large');
  });
});

describe('a Signature is refused', () => {
  const spare = (text: string) =>
    text.replace(/.(?==*$)/, (last) => String.fromCharCode(last.charCodeAt(0) + 1));

  it.each([
    ['that is empty', ''],
    ['without a label', `=:${STANDARD}:`],
    ['with nothing but bytes', `:${STANDARD}:`],
    ['with an upper-case label', `Sig1=:${STANDARD}:`],
    ['with a label that starts with a digit', `1=:${STANDARD}:`],
    ['with a label outside ASCII', `sïg=:${STANDARD}:`],
    ['with a space before its label', ` sig1=:${STANDARD}:`],
    ['with a space before the equals sign', `sig1 =:${STANDARD}:`],
    ['with a space after the equals sign', `sig1= :${STANDARD}:`],
    ['with no bytes', 'sig1=::'],
    ['that is not opened', `sig1=${STANDARD}:`],
    ['that is not closed', `sig1=:${STANDARD}`],
    ['that is a string', `sig1="${STANDARD}"`],
    ['that is a list', `sig1=(:${STANDARD}:)`],
    ['with a parameter', `sig1=:${STANDARD}:;a=1`],
    ['with a space after it', `sig1=:${STANDARD}: `],
    ['with a line feed after it', `sig1=:${STANDARD}:\n`],
    ['with garbage after it', `sig1=:${STANDARD}:x`],
    ['with a colon after it', `sig1=:${STANDARD}::`],
    ['in base64url with padding', `sig1=:${URL_SAFE}==:`],
    ['in standard base64 without padding', `sig1=:${STANDARD.replaceAll('=', '')}:`],
    ['in standard base64 with half its padding', `sig1=:${STANDARD.slice(0, -1)}:`],
    ['in two alphabets at once', 'sig1=:+-AA:'],
    ['in standard base64 with a spare bit set', `sig1=:${spare(STANDARD)}:`],
    ['in base64url with a spare bit set', `sig1=:${spare(URL_SAFE)}:`],
    ['with white space inside', `sig1=:${STANDARD.slice(0, 8)} ${STANDARD.slice(8)}:`],
    ['of an impossible length', 'sig1=:AAAAA:'],
    ['with a character outside ASCII', 'sig1=:AAAé:'],
  ])('%s', (_what, text) => {
    expect(ruleOf(() => parseSignatureValue(text))).toBe('header_malformed');
  });

  it.each([
    ['with a second member', `sig1=:${STANDARD}:, sig2=:${STANDARD}:`],
    ['with a second member of the same label', `sig1=:${STANDARD}:,sig1=:${STANDARD}:`],
    ['with a space before the comma of a second member', `sig1=:${STANDARD}: , sig2=:AA==:`],
    ['with a comma at the end', `sig1=:${STANDARD}:,`],
  ])('as repeated: %s', (_what, text) => {
    expect(ruleOf(() => parseSignatureValue(text))).toBe('header_repeated');
  });
});

describe('a Signature is written', () => {
  it('in standard base64 under rfc9421 and in unpadded base64url under the 2026 wires', () => {
    expect(serializeSignatureValue('sig1', BYTES, 'rfc9421')).toBe(`sig1=:${STANDARD}:`);
    expect(serializeSignatureValue('sig1', BYTES, '2026-02')).toBe(`sig1=:${URL_SAFE}:`);
    expect(serializeSignatureValue('sig1', BYTES, '2026-01')).toBe(`sig1=:${URL_SAFE}:`);
  });
});
