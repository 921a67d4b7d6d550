import {
  AAuthError,
  type ErrorCode,
  errorResponse,
  errorSpelling,
  isAAuthError,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';

const spellings: Record<ErrorCode, [status: number, error: string]> = {
  invalid_request: [400, 'invalid_request'],
  invalid_grant: [400, 'invalid_grant'],
  invalid_scope: [400, 'invalid_scope'],
  invalid_resource_token: [400, 'invalid_resource_token'],
  unsupported_request_type: [400, 'unsupported_request_type'],
  invalid_signature: [401, 'invalid_signature'],
  invalid_token: [401, 'invalid_token'],
  access_denied: [403, 'access_denied'],
  insufficient_scope: [403, 'insufficient_scope'],
  not_found: [404, 'invalid_request'],
  method_not_allowed: [405, 'invalid_request'],
  body_too_large: [413, 'invalid_request'],
  unsupported_media_type: [415, 'invalid_request'],
  misdirected_request: [421, 'invalid_request'],
  too_many_requests: [429, 'temporarily_unavailable'],
  server_error: [500, 'server_error'],
  temporarily_unavailable: [503, 'temporarily_unavailable'],
  discovery_failed: [401, 'invalid_signature'],
  challenge_refused: [500, 'server_error'],
  challenge_unmet: [500, 'server_error'],
  interaction_required: [500, 'server_error'],
  interaction_denied: [500, 'server_error'],
  interaction_timeout: [500, 'server_error'],
  interaction_failed: [500, 'server_error'],
  redirect_refused: [500, 'server_error'],
  response_invalid: [500, 'server_error'],
  configuration_invalid: [500, 'server_error'],
};

const table = Object.entries(spellings) as [ErrorCode, [number, string]][];

/** Everything that goes onto the wire. */
async function wire(response: Response): Promise<string> {
  return JSON.stringify([response.status, [...response.headers], await response.text()]);
}

describe.each(table)('an error %s', (code, [status, error]) => {
  const secret = 'hunter2';
  const thrown = new AAuthError(code, 'What to fix.', {
    detail: `detail ${secret}`,
    cause: new Error(`cause ${secret}`),
    rule: `rule_${secret}`,
    accepted: [`accepted ${secret}`],
  });

  it(`is answered with ${status} ${error}`, async () => {
    expect(errorSpelling(code)).toEqual({ status, error });
    const response = errorResponse(thrown);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = (await response.json()) as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(['error', 'error_description']);
    expect(body['error']).toBe(error);
  });

  it('keeps detail, cause and rule to itself', async () => {
    expect(await wire(errorResponse(thrown, { kind: 'identity' }))).not.toContain(secret);
  });

  it('says what to fix, unless it is our own fault', async () => {
    const text = await errorResponse(thrown).text();
    expect(text.includes('What to fix.')).toBe(status !== 500);
  });

  it('says when to come back if it is a matter of time', () => {
    const wait = errorResponse(thrown).headers.get('retry-after');
    expect(wait).toBe(status === 503 || status === 429 ? '10' : null);
  });
});

it('our own fault is the same bytes whatever it was', async () => {
  const answers = table
    .filter(([, [status]]) => status === 500)
    .map(([code]) => wire(errorResponse(new AAuthError(code, `message of ${code}`))));
  expect(new Set(await Promise.all(answers)).size).toBe(1);
});

describe('Retry-After', () => {
  it.each([
    [30, '30'],
    [0.2, '1'],
    [0, '1'],
    [-5, '1'],
    [1.5, '2'],
  ])('for %d seconds is %s', (retryAfterSeconds, header) => {
    const error = new AAuthError('temporarily_unavailable', 'Later.', { retryAfterSeconds });
    expect(errorResponse(error).headers.get('retry-after')).toBe(header);
  });
});

describe('a challenge beside an error', () => {
  it('is the Agent-Auth header', () => {
    const error = new AAuthError('invalid_signature', 'Sign.');
    expect(errorResponse(error, { kind: 'identity' }).headers.get('agent-auth')).toBe(
      'httpsig; identity=?1',
    );
    expect(errorResponse(error).headers.has('agent-auth')).toBe(false);
  });
});

describe('an error of ours', () => {
  it('is told from others, and by its code', () => {
    const error = new AAuthError('invalid_grant', 'No.');
    expect(isAAuthError(error)).toBe(true);
    expect(isAAuthError(error, 'invalid_grant')).toBe(true);
    expect(isAAuthError(error, 'invalid_scope')).toBe(false);
    expect(isAAuthError(new Error('No.'))).toBe(false);
    expect(isAAuthError({ name: 'AAuthError', code: 'invalid_grant' })).toBe(false);
    expect(isAAuthError(undefined)).toBe(false);
  });
});
