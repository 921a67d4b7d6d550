import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  displayName,
  displayText,
  resemblesAddress,
  TEXT_LIMITS,
} from '../../src/pages/display-text.js';

const points = (text: string): number => Array.from(text).length;

/** Strings rich in what a hostile party would use. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '\u0000',
        '\u001b[2J',
        '\r\n',
        '\t',
        '\u0085',
        '\u00ad',
        '\u034f',
        '\u0300',
        '\u061c',
        '\u115f',
        '\u1680',
        '\u180e',
        '\u200b',
        '\u200d',
        '\u200e',
        '\u200f',
        '\u2028',
        '\u2029',
        '\u202a',
        '\u202e',
        '\u2060',
        '\u2066',
        '\u2069',
        '\u20dd',
        '\u2800',
        '\u3000',
        '\u3164',
        '\ufe0f',
        '\ufeff',
        '\uffa0',
        '\ufffe',
        '\u{e0041}',
        '\u{1f468}\u200d\u{1f469}',
        '\ud800',
        '\udc00',
        '<b>',
        'name',
        ' ',
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('asserted text', () => {
  it('is shown as it is when there is nothing wrong with it', () => {
    for (const text of [
      'Mail Helper',
      'Écrire à Zoë',
      'बुकिंग सहायक',
      'עוזר הדואר',
      '日本語の名前',
      'Fish & Chips <3',
      '🤖 Robot',
    ]) {
      expect(displayText(text, 60)).toBe(text);
    }
  });

  it('loses bidirectional overrides, isolates and marks', () => {
    expect(displayText('moc.\u202eelpmaxe\u202c \u2066bank\u2069\u200e\u200f\u061c', 60)).toBe(
      'moc.elpmaxe bank',
    );
  });

  it('loses zero-width, ignorable and blank characters that only look like nothing', () => {
    expect(
      displayText('\ufeffb\u200ba\u00adn\u2060k\u3164\u115f\u2800\u034f\ufe0f\u{e0041}', 60),
    ).toBe('bank');
  });

  it('becomes one line with single spaces and none at its ends', () => {
    expect(displayText(' \r\n Pay\t\u2028now\u3000\u00a0 \u200b later \u0085', 60)).toBe(
      'Pay now later',
    );
  });

  it('loses escape sequences for terminals and lone surrogates', () => {
    expect(displayText('a\u001b[31mb\u0007\ud800c', 60)).toBe('a[31mbc');
  });

  it('cannot pile marks on a letter, nor put one on the page’s own text in front', () => {
    expect(displayText(`\u0301\u0301Z${'\u0300'.repeat(40)}a`, 60)).toBe(`Z${'\u0300'.repeat(3)}a`);
    expect(displayText('a\u20dd', 60)).toBe('a');
  });

  it('is clipped by characters, not by halves of them, and says that it was', () => {
    expect(displayText('😀'.repeat(5), 4)).toBe('😀😀😀…');
    expect(displayText('abcd', 4)).toBe('abcd');
    expect(displayText('abc defg', 5)).toBe('abc…');
  });

  it('says that it was clipped when what could be seen was hidden behind a lot that could not', () => {
    expect(displayText(`a${'\u200b'.repeat(10_000)}b`, 10)).toBe('a…');
  });

  it('is empty when nothing of it can be seen, or when it is absent', () => {
    expect(displayText('\u200b\u202e \u0000', 60)).toBe('');
    expect(displayText(undefined, 60)).toBe('');
  });

  it('never contains anything invisible, is one line, and keeps to its bound, whatever it was', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 80 }), (text, limit) => {
        const shown = displayText(text, limit);
        expect(points(shown)).toBeLessThanOrEqual(limit);
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(shown).not.toMatch(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
        expect(shown).not.toMatch(/^\s|\s$|\s\s|[^\S ]/u);
        expect(shown).not.toMatch(/\p{M}{4}/u);
      }),
      { numRuns: 500 },
    );
  });

  it('does not change when it is made fit a second time', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 2, max: 80 }), (text, limit) => {
        const once = displayText(text, limit);
        expect(displayText(once, limit)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no longer for megabytes than for kilobytes', () => {
    const started = performance.now();
    for (const unit of [' ', '\u200b', 'a\u0300\u0300\u0300\u0300', 'a ', '\ud800', '.']) {
      displayText(unit.repeat(2_000_000), 200);
    }
    // Quadratic time would be minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('a name', () => {
  it('is absent when it is made of nothing, of invisible characters or of punctuation', () => {
    for (const name of [undefined, '', ' \u200b\u202e', '...', '—', '\u3164\u3164']) {
      expect(displayName(name)).toBeUndefined();
    }
  });

  it('keeps to its bound', () => {
    expect(points(displayName('n'.repeat(500)) ?? '')).toBe(TEXT_LIMITS.name);
  });

  it('cannot close the quotation marks around it', () => {
    expect(displayName('Helper” is approved. “')).toBe('Helper’ is approved. ’');
  });

  it('that reads like an address is recognised as such', () => {
    for (const name of [
      'https://bank.example',
      'bank.example',
      'www.bank',
      'Log in to bank。example',
    ]) {
      expect(resemblesAddress(name)).toBe(true);
    }
    for (const name of ['Mail Helper', 'Dr. Mabuse', 'Version 2.0', 'Yahoo!']) {
      expect(resemblesAddress(name)).toBe(false);
    }
  });
});
