/**
 * An answer whose body is a text that is known in full. Not a Fetch `Response`, since making one and reading its stream
 * to the end takes longer on Node than everything else that is done to write an answer.
 */
export interface TextAnswer {
  readonly status: number;
  /** By names of which none is `Content-Length`; several values are as many lines. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
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

/** These headers, with a line for each cookie where there are any. */
export function withCookies(
  headers: Readonly<Record<string, string>>,
  cookies: readonly string[],
): TextAnswer['headers'] {
  return cookies.length === 0 ? headers : { ...headers, 'Set-Cookie': cookies };
}

/** The same answer for whoever speaks Fetch. */
export function asResponse(answer: Response | TextAnswer): Response {
  if (answer instanceof Response) return answer;
  const { text, status } = answer;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of typeof value === 'string' ? [value] : value) headers.append(name, one);
  }
  return new Response(text, { status, headers });
}
