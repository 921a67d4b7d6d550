import {
  ALGORITHM_NAMES,
  algorithmByName,
  importVerificationKey,
  type PublicJwk,
  SignatureError,
  type SignatureVerifier,
  type VerificationKey,
} from '@countersign/httpsig';
import { AAuthError, type ErrorCode } from '../errors.js';
import {
  type IdentifierOptions,
  isServerIdentifier,
  type ServerIdentifier,
} from '../identifiers.js';
import { isJsonObject, type JsonObject } from '../json.js';
import { type DecodedJws, decodeJws } from '../jws.js';

/** `typ` of the three tokens (PROTOCOL section 3). Compared exactly. */
export const TOKEN_TYPES = {
  agent: 'agent+jwt',
  resource: 'resource+jwt',
  auth: 'auth+jwt',
} as const;
export type TokenType = (typeof TOKEN_TYPES)[keyof typeof TOKEN_TYPES];

/** What a verifier of any token must say. */
export interface TokenExpectations extends IdentifierOptions {
  /** Unix seconds. */
  readonly now: number;
  /** Allowance in seconds for `iat`, `nbf` and `exp`; default 10, at most 60. */
  readonly skewSeconds?: number;
  /** The longest time to `exp` accepted, in seconds. */
  readonly maxLifetimeSeconds?: number;
  /** Replaces the platform's verification of the token's signature. */
  readonly verifySignature?: SignatureVerifier | undefined;
}

function skewOf({ skewSeconds = 10 }: Pick<TokenExpectations, 'skewSeconds'>): number {
  return Math.min(Math.max(skewSeconds, 0), 60);
}

/** True while a token with that `exp` may be accepted, the allowance included. */
export function isLive(
  exp: number,
  expectations: Pick<TokenExpectations, 'now' | 'skewSeconds'>,
): boolean {
  return exp + skewOf(expectations) > expectations.now;
}

/** What `alg` may say at all; whether it is right follows from the key (PROTOCOL section 3). */
const ALGORITHMS: ReadonlySet<string> = new Set(
  ALGORITHM_NAMES.flatMap((name) => algorithmByName(name)?.jwsNames ?? []),
);

/** Reads one token's claims, refusing with one code and a rule that names the claim. */
export class ClaimReader {
  readonly jws: DecodedJws;
  readonly #code: ErrorCode;
  readonly #options: IdentifierOptions;

  private constructor(jws: DecodedJws, code: ErrorCode, options: IdentifierOptions) {
    this.jws = jws;
    this.#code = code;
    this.#options = options;
  }

  /** Decodes `token`; anything but a well-formed JWS of that `typ`, by an algorithm we know, is refused. */
  static open(
    token: string,
    typ: TokenType,
    code: ErrorCode,
    options: IdentifierOptions,
  ): ClaimReader {
    const jws = decodeJws(token);
    if (typeof jws === 'string') throw refusal(code, jws);
    if (jws.header.typ !== typ) throw refusal(code, 'token_type');
    if (!ALGORITHMS.has(jws.header.alg)) throw refusal(code, 'token_algorithm');
    return new ClaimReader(jws, code, options);
  }

  get payload(): JsonObject {
    return this.jws.payload;
  }

  refuse(rule: string): never {
    throw refusal(this.#code, rule);
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.refuse(`${name}_missing`);
  }

  optionalString(name: string): string | undefined {
    const value = this.payload[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string' || value === '' || value.length > 2048)
      this.refuse(`${name}_invalid`);
    return value;
  }

  identifier(name: string): ServerIdentifier {
    const value = this.string(name);
    if (!isServerIdentifier(value, this.#options)) this.refuse(`${name}_invalid`);
    return value;
  }

  seconds(name: string): number | undefined {
    const value = this.payload[name];
    if (value === undefined) return undefined;
    // JSON lets 1e999 through as infinity; numeric dates are safe integers.
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) this.refuse(`${name}_invalid`);
    return value;
  }

  /**
   * Checks `exp`, `iat` and `nbf` and returns `exp`. An expired token is refused as `token_expired` unless
   * `acceptExpired`, when it is the caller's to treat.
   */
  expiry(
    expectations: TokenExpectations,
    maxLifetimeSeconds: number,
    acceptExpired = false,
  ): number {
    const { now } = expectations;
    const skew = skewOf(expectations);
    const exp = this.seconds('exp') ?? this.refuse('exp_missing');
    // Written so that a clock or an allowance that is not a number refuses.
    for (const name of ['iat', 'nbf']) {
      const time = this.seconds(name);
      if (time !== undefined && !(time <= now + skew)) this.refuse(`${name}_in_future`);
    }
    if (!(exp - now <= maxLifetimeSeconds) || Number.isNaN(skew)) this.refuse('exp_too_far');
    if (!isLive(exp, expectations) && !acceptExpired) this.refuse('token_expired');
    return exp;
  }

  /** The key in `cnf.jwk`, checked and imported. */
  async confirmation(): Promise<VerificationKey> {
    const cnf = this.payload['cnf'];
    const jwk: unknown = isJsonObject(cnf) ? cnf['jwk'] : undefined;
    if (jwk === undefined) this.refuse('cnf_missing');
    try {
      return await importVerificationKey(jwk);
    } catch (error) {
      if (error instanceof SignatureError) this.refuse(`cnf_${error.rule}`);
      throw error;
    }
  }
}

const PUBLIC_TEXT: Partial<Record<ErrorCode, string>> = {
  invalid_token: 'The token in Signature-Key is not valid here; ask for a new one.',
  invalid_resource_token: 'The resource token is not valid here; ask the resource for a new one.',
};

function refusal(code: ErrorCode, rule: string): AAuthError {
  const text = rule === 'token_expired' ? 'The token has expired; ask for a new one.' : undefined;
  return new AAuthError(code, text ?? PUBLIC_TEXT[code] ?? 'The token is not valid.', { rule });
}

/** The public members of a key as they go into `cnf.jwk`, in the order of the JWK registration. */
export function confirmationClaim(jwk: PublicJwk): JsonObject {
  return { jwk: { ...jwk } };
}
