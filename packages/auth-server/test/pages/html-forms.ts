/** Reads forms out of HTML the way a program without a browser would. */
export interface ReadForm {
  readonly method: string;
  readonly action: string;
  readonly hidden: Readonly<Record<string, string>>;
  readonly inputs: readonly string[];
  /** `name=value` of each submit button, in order. */
  readonly buttons: readonly string[];
}

export function readForms(html: string): ReadForm[] {
  return [...html.matchAll(/<form ([^>]*)>([\s\S]*?)<\/form>/gu)].map(
    ([, head = '', body = '']) => {
      const inputs = [...body.matchAll(/<input ([^>]*)>/gu)].map(([, text = '']) =>
        attributes(text),
      );
      const buttons = [...body.matchAll(/<button ([^>]*)>/gu)].map(([, text = '']) =>
        attributes(text),
      );
      const { method = '', action = '' } = attributes(head);
      return {
        method,
        action,
        hidden: Object.fromEntries(
          inputs
            .filter(({ type }) => type === 'hidden')
            .map(({ name = '', value = '' }) => [name, value]),
        ),
        inputs: inputs.filter(({ type }) => type !== 'hidden').map(({ name = '' }) => name),
        buttons: buttons
          .filter(({ type }) => type === 'submit')
          .map(({ name = '', value = '' }) => `${name}=${value}`),
      };
    },
  );
}

function attributes(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/([a-z-]+)="([^"]*)"/gu)].map(([, name = '', value = '']) => [
      name,
      unescape(value),
    ]),
  );
}

/** The text of an HTML fragment, as one line. */
export function textOf(html: string): string {
  return unescape(
    html
      .replace(/^[\s\S]*<body>/u, '')
      .replace(/<[^>]*>/gu, ' ')
      .replace(/\s+/gu, ' '),
  )
    .replace(/ ([,.:?”])/gu, '$1')
    .replace(/“ /gu, '“')
    .trim();
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
