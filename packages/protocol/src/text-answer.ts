/**
 * An answer whose body is a text that is known in full. Not a Fetch `Response`, since making one and reading its stream
 * to the end takes longer on Node than everything else that is done to write an answer.
 */
export interface TextAnswer {
  readonly status: number;
  /** By names of which none is `Content-Length`; several values are as many lines. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Empty where there is none. Also for HEAD it is what a GET would get: whoever writes the answer leaves it out. */
  readonly text: string;
}

/** An object as JSON that nobody may keep. */
export function jsonAnswer(content: object): TextAnswer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    text: JSON.stringify(content),
  };
}

/** The same answer for whoever speaks Fetch; without its text for a `method` of HEAD. */
export function asResponse({ status, headers, text }: TextAnswer, method = 'GET'): Response {
  const lines = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : value) lines.append(name, one);
  }
  const body = method === 'HEAD' || text === '' ? null : text;
  return new Response(body, { status, headers: lines });
}
