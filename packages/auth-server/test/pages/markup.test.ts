import { raw } from 'hono/html';
import { describe, expect, it } from 'vitest';
import { Fragment, jsx } from '../../src/pages/markup/jsx-runtime.js';

const HOSTILE = `<b onclick="x">'&`;
const ESCAPED = '&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;';
const text = (markup: { toString(): string } | null) => markup?.toString();

describe('markup', () => {
  it('escapes texts between elements, at any depth of lists', () => {
    const children = [HOSTILE, [[HOSTILE], 7], null, undefined, false, true];
    expect(text(jsx('p', { children }))).toBe(`<p>${ESCAPED}${ESCAPED}7</p>`);
    expect(text(Fragment({ children }))).toBe(`${ESCAPED}${ESCAPED}7`);
  });

  it('escapes the values of attributes', () => {
    expect(text(jsx('a', { href: HOSTILE, tabindex: 1 }))).toBe(
      `<a href="${ESCAPED}" tabindex="1"></a>`,
    );
  });

  it('keeps what is markup already, as elements and components make it', () => {
    const Strong = ({ of }: { of: string }) => jsx('strong', { children: of });
    const child = jsx(Strong, { of: HOSTILE });
    expect(text(jsx('p', { children: [child, raw('<br>')] }))).toBe(
      `<p><strong>${ESCAPED}</strong><br></p>`,
    );
  });

  it('writes attributes that are there or not without a value, and all others with it', () => {
    const attributes = { required: true, autofocus: false, spellcheck: false, id: undefined };
    expect(text(jsx('input', { ...attributes, value: null }))).toBe(
      '<input required="" spellcheck="false">',
    );
  });

  it('closes every element but those that have no content', () => {
    expect(text(jsx('rect', { width: 1 }))).toBe('<rect width="1"></rect>');
    expect(text(jsx('br', {}))).toBe('<br>');
  });

  it('refuses what it would have to wait for, and attributes that are no text', () => {
    expect(() => jsx('p', { children: Promise.resolve('late') as never })).toThrow(TypeError);
    expect(() => jsx('p', { style: { color: 'red' } })).toThrow(TypeError);
  });
});
