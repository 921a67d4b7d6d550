/**
 * What JSX becomes in the pages: markup at once, every text in it escaped. Hono's own runtime renders in an
 * `AsyncLocalStorage`, for components that wait; from the first page on that makes every promise of a server on Node 20
 * and 22 dearer, and no component here waits.
 */
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import type { JSX as HonoJSX } from 'hono/jsx/jsx-runtime';
import { escapeToBuffer } from 'hono/utils/html';

/** Text that is markup already. */
export type Markup = ReturnType<typeof raw>;

type Properties = Readonly<Record<string, unknown>> & { readonly children?: Child };

/** Elements without content (HTML section 13.1.2). */
const VOID_ELEMENTS = new Set(
  'area base br col embed hr img input link meta source track wbr'.split(' '),
);

/** Attributes that are there or not; every other has a value, `true` and `false` included. */
const BOOLEAN_ATTRIBUTES = new Set(
  'autofocus checked disabled hidden multiple open readonly required selected'.split(' '),
);

/** An element, or what a component makes of its properties. */
export function jsx<P extends Properties>(
  tag: string | ((properties: P) => Markup | null),
  properties: P,
): Markup | null {
  if (typeof tag === 'function') return tag(properties);
  let element = `<${tag}`;
  for (const name in properties) {
    if (name !== 'children') element += attributeText(name, properties[name]);
  }
  if (VOID_ELEMENTS.has(tag)) return raw(`${element}>`);
  return raw(`${element}>${childText(properties.children)}</${tag}>`);
}

export { jsx as jsxs };

/** Several children without an element around them. */
export function Fragment({ children }: { readonly children?: Child }): Markup {
  return raw(childText(children));
}

function attributeText(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (BOOLEAN_ATTRIBUTES.has(name) && typeof value === 'boolean') return value ? ` ${name}=""` : '';
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return ` ${name}="${escaped(String(value))}"`;
  }
  throw new TypeError(`The attribute ${name} is no text.`);
}

function childText(child: Child): string {
  if (typeof child === 'string') return escaped(child);
  if (typeof child === 'number') return String(child);
  if (child === null || child === undefined || typeof child === 'boolean') return '';
  if (Array.isArray(child)) {
    let all = '';
    for (const one of child) all += childText(one);
    return all;
  }
  const text: unknown = child instanceof Promise ? undefined : child.toString();
  if (typeof text !== 'string') throw new TypeError('Pages are rendered without waiting.');
  return 'isEscaped' in child ? text : escaped(text);
}

function escaped(text: string): string {
  const written: [string] = [''];
  escapeToBuffer(text, written);
  return written[0];
}

/** What TypeScript asks about JSX: Hono's elements and attributes. */
// oxlint-disable-next-line typescript/no-namespace -- the name and form that the compiler looks for
export declare namespace JSX {
  type Element = Markup | null;
  type ElementType = HonoJSX.ElementType;
  type ElementChildrenAttribute = HonoJSX.ElementChildrenAttribute;
  interface IntrinsicElements extends HonoJSX.IntrinsicElements {
    [name: string]: Record<string, unknown>;
  }
  type IntrinsicAttributes = HonoJSX.IntrinsicAttributes;
}
