/**
 * Why a message was refused, as a stable name. The list is closed: a caller may switch on it.
 * Everything up to and including `digest_mismatch` is decided before any key is looked up.
 */
export type SignatureRule =
  /** One of Signature, Signature-Input or Signature-Key is absent. */
  | 'header_missing'
  /** A field that may occur once occurs twice, or has more than one member. */
  | 'header_repeated'
  /** A field does not follow its grammar. */
  | 'header_malformed'
  /** A field is longer than its bound. */
  | 'header_too_large'
  /** The three signature fields do not carry the same label. */
  | 'label_mismatch'
  /** A component the profile requires is not covered. */
  | 'component_missing'
  /** A component is covered that this message does not have. */
  | 'component_unexpected'
  /** A component identifier is unknown, upper-case, has parameters or is named twice. */
  | 'component_invalid'
  /** A signature parameter has the wrong type. */
  | 'parameter_invalid'
  /** `created` is absent. */
  | 'created_missing'
  /** `created` is further from now than the window. */
  | 'created_out_of_window'
  /** `expires` has passed. */
  | 'expired'
  /** The request target is not in origin form. */
  | 'target_invalid'
  /** The request arrived for an authority that is not one of the receiver's. */
  | 'authority_mismatch'
  /** The Content-Digest names no algorithm known here. */
  | 'digest_unsupported'
  /** The Content-Digest is not that of the received bytes. */
  | 'digest_mismatch'
  /** The key scheme is not accepted by this receiver. */
  | 'scheme_unsupported'
  /** A JWK is malformed or not canonical. */
  | 'key_invalid'
  /** A key that would let anybody sign (a small-order point, a short modulus). */
  | 'key_weak'
  /** A key type, curve or algorithm this receiver does not accept. */
  | 'key_unsupported'
  /** No key with the wanted `kid`, or more than one. */
  | 'key_not_found'
  /** `alg` contradicts the key. */
  | 'algorithm_mismatch'
  /** The signature's encoding is of a wire that is not accepted. */
  | 'encoding_not_accepted'
  /** The signature does not verify. */
  | 'signature_invalid';

/** A refusal as data: which rule, a fixed sentence that says what to fix, and what would have been accepted. */
export interface SignatureFailure {
  readonly rule: SignatureRule;
  /** Fit for the sender: names the rule and the remedy, never a value that was sent. */
  readonly message: string;
  /** For coverage rules: the components this message must cover, in signing order. */
  readonly required?: readonly string[];
  /** For unsupported schemes, keys and encodings: what would be accepted. */
  readonly accepted?: readonly string[];
}

/**
 * Thrown by the parsers and key functions of this package for input that breaks a rule.
 * `verifyMessage` returns it as a {@link SignatureFailure} instead.
 */
export class SignatureError extends Error implements SignatureFailure {
  override readonly name = 'SignatureError';
  readonly rule: SignatureRule;
  readonly required?: readonly string[];
  readonly accepted?: readonly string[];

  constructor(
    rule: SignatureRule,
    message: string,
    more: { required?: readonly string[]; accepted?: readonly string[] } = {},
  ) {
    super(message);
    this.rule = rule;
    if (more.required !== undefined) this.required = more.required;
    if (more.accepted !== undefined) this.accepted = more.accepted;
  }

  /** The refusal without stack. */
  toFailure(): SignatureFailure {
    return {
      rule: this.rule,
      message: this.message,
      ...(this.required === undefined ? {} : { required: this.required }),
      ...(this.accepted === undefined ? {} : { accepted: this.accepted }),
    };
  }
}
