import type { AlgorithmName, Wire } from '@countersign/httpsig';
import { limitSettings } from './limit-settings.js';
import { shownUrl } from './shown-url.js';
import { type DefaultedSetting, setting, type ValuesOf, type Zod } from './setting.js';

const DAY = 86_400;
const WIRES = ['rfc9421', '2026-02', '2026-01'] as const satisfies readonly Wire[];

const ALGORITHMS = [
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
] as const satisfies readonly AlgorithmName[];

const text = (z: Zod) => z.string().min(1);
const flag = (z: Zod) => z.boolean();
const port = (z: Zod) => z.int().min(1).max(65_535);
const PORT = 'a number from 1 to 65535';
const SWITCH = 'true or false';

/** A number of seconds with its bounds. */
function seconds(
  flags: string,
  description: string,
  standard: number,
  [least, most]: readonly [number, number],
): DefaultedSetting<number> {
  return setting({
    spelling: 'number',
    flags: `${flags} <seconds>`,
    description,
    allowed: `whole seconds, from ${least} to ${most}`,
    schema: (z) => z.int().min(least).max(most),
    default: standard,
  });
}

/**
 * All settings of `countersign serve auth-server`, in the order in which they are shown. The option, the variable, the
 * key in the configuration file and the check follow from the entry.
 */
export const authServerSettings = {
  preset: setting({
    spelling: 'text',
    flags: '--preset <name>',
    description: 'production refuses insecure settings and says what to do instead',
    allowed: 'production or development',
    schema: (z) => z.enum(['production', 'development']),
  }),
  issuer: setting({
    spelling: 'text',
    flags: '--issuer <url>',
    description: 'server identifier; default http://127.0.0.1:PORT',
    allowed: 'an https origin',
    schema: text,
  }),
  port: setting({
    spelling: 'number',
    flags: '--port <n>',
    description: "port to listen on; default the loopback identifier's, or 8003",
    allowed: PORT,
    schema: port,
  }),
  host: setting({
    spelling: 'text',
    flags: '--host <address>',
    description: 'address to listen on',
    allowed: 'an address of this machine',
    schema: text,
    default: '127.0.0.1',
  }),
  database: setting({
    spelling: 'text',
    flags: '--database <url>',
    description:
      'sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME (rather in the file that COUNTERSIGN_DATABASE_FILE names)',
    allowed: 'sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME',
    schema: (z) => z.string().regex(/^(?:sqlite:.|postgres(?:ql)?:\/\/)/),
    default: 'sqlite:./countersign.db',
    show: shownUrl,
  }),
  migrate: setting({
    spelling: 'boolean',
    flags: '--no-migrate',
    description: 'refuse to start on tables that are not up to date, instead of changing them',
    allowed: SWITCH,
    schema: flag,
    default: true,
  }),
  policy: setting({
    spelling: 'text',
    flags: '--policy <file>',
    description:
      'rules for what is granted, asked and denied, and for exchanges; the configuration file may hold them itself',
    allowed: 'a file of rules (in a configuration file also the rules themselves)',
    schema: (z) => z.union([z.string().min(1), z.record(z.string(), z.unknown())]),
  }),
  consent: setting({
    spelling: 'text',
    flags: '--consent <when>',
    description:
      'in place of a policy: ask a person always (the default), or never (grant to whoever asks)',
    allowed: 'always or never',
    schema: (z) => z.enum(['always', 'never']),
    insecure: {
      when: (when) => when === 'never',
      warning: 'grants every agent whatever it asks for.',
      instead: 'write a policy that grants what may be granted without a person',
    },
  }),
  trust: setting({
    spelling: 'words',
    flags: '--trust <url>',
    description:
      'take tokens of this other auth server for exchange, where the policy has a rule (repeatable)',
    allowed: 'https origins of other auth servers',
    schema: (z) => z.array(z.string()),
  }),
  user: setting({
    spelling: 'lines',
    flags: '--user <name:password>',
    description:
      'make this account (repeatable; for development only). COUNTERSIGN_USER holds one a line',
    allowed: 'NAME:PASSWORD',
    schema: (z) => z.array(z.string()),
    secret: true,
    insecure: {
      when: (users) => users.length > 0,
      warning: 'is for development: everybody on this machine can see the password.',
      instead: 'make accounts with countersign user add NAME',
    },
  }),
  acceptWire: setting({
    spelling: 'words',
    flags: '--accept-wire <wire>',
    description: 'also verify this older signature encoding: 2026-01',
    allowed: WIRES.join(', '),
    schema: (z) => z.array(z.enum(WIRES)),
    insecure: {
      when: (wires) => wires.includes('2026-01'),
      warning:
        'accepts the 2026-01 wire, which leaves the time unsigned: a captured request can be replayed for ever.',
      instead: 'leave it out; agents must sign as rfc9421 or 2026-02',
    },
  }),
  insecureLoopback: setting({
    spelling: 'boolean',
    flags: '--insecure-loopback',
    description: 'accept plain http identifiers on loopback (development)',
    allowed: SWITCH,
    schema: flag,
    default: false,
    insecure: {
      when: (on) => on,
      warning: 'accepts plain http on loopback.',
      instead: 'use https identifiers',
    },
  }),
  sameOriginRedirects: setting({
    spelling: 'boolean',
    flags: '--same-origin-redirects',
    description: 'let an agent that publishes no redirect_uris use its own origin',
    allowed: SWITCH,
    schema: flag,
    default: false,
    insecure: {
      when: (on) => on,
      warning: 'lets people be sent to any page of an agent that publishes no redirect_uris.',
      instead: 'let agents publish redirect_uris in their metadata',
    },
  }),
  trustedProxy: setting({
    spelling: 'words',
    flags: '--trusted-proxy <cidr>',
    description:
      'believe X-Forwarded-For, X-Request-Id and traceparent from this network (repeatable)',
    allowed: 'addresses or networks such as 10.0.0.0/8',
    schema: (z) => z.array(z.string()),
  }),
  requireNonce: setting({
    spelling: 'boolean',
    flags: '--require-nonce',
    description: 'refuse token requests without a Nonce (repeats are refused without it too)',
    allowed: SWITCH,
    schema: flag,
    default: false,
  }),
  x509Roots: setting({
    spelling: 'text',
    flags: '--x509-roots <file>',
    description: 'PEM file of the CAs whose certificates identify agents; none by default',
    allowed: 'a PEM file of certificates',
    schema: text,
  }),
  signingAlgorithm: setting({
    spelling: 'text',
    flags: '--signing-algorithm <name>',
    description: 'of the key that is made at first start; later ones: countersign key rotate',
    allowed: ALGORITHMS.join(', '),
    schema: (z) => z.enum(ALGORITHMS),
    default: 'ed25519',
  }),
  keyEncryptionKey: setting({
    spelling: 'text',
    flags: '--key-encryption-key <secret>',
    description:
      'encrypts the signing keys at rest: 32 random bytes, base64url, best in the file that COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE names',
    allowed: '32 random bytes, base64url without padding (43 characters)',
    schema: (z) => z.string().regex(/^[\w-]{43}$/),
    secret: true,
  }),
  previousKeyEncryptionKey: setting({
    spelling: 'words',
    flags: '--previous-key-encryption-key <secret>',
    description: 'an earlier one, until the server has been started with the present one',
    allowed: '32 random bytes, base64url without padding (43 characters)',
    schema: (z) => z.array(z.string().regex(/^[\w-]{43}$/)),
    secret: true,
  }),
  maxPendingPerAgent: setting({
    spelling: 'number',
    flags: '--max-pending-per-agent <n>',
    description: 'undecided requests that one agent may have at a time',
    allowed: 'a number from 1 to 100000',
    schema: (z) => z.int().min(1).max(100_000),
    default: 1000,
  }),
  ...limitSettings,
  maxActors: setting({
    spelling: 'number',
    flags: '--max-actors <n>',
    description: 'the longest chain of actors in a token that was exchanged',
    allowed: 'a number from 1 to 16',
    schema: (z) => z.int().min(1).max(16),
    default: 5,
  }),
  windowSeconds: seconds(
    '--window-seconds',
    "how far a signature's time may lie from now",
    60,
    [1, 3600],
  ),
  skewSeconds: seconds('--skew-seconds', 'allowance for the clocks of others', 10, [0, 60]),
  authTokenSeconds: seconds('--auth-token-seconds', 'how long an auth token lives', 3600, [
    60,
    DAY,
  ]),
  requestTokenSeconds: seconds(
    '--request-token-seconds',
    'how long a person has to answer',
    600,
    [30, 3600],
  ),
  codeSeconds: seconds('--code-seconds', 'how long a code lives', 60, [5, 600]),
  sessionSeconds: seconds('--session-seconds', 'how long a person stays signed in', DAY / 2, [
    60,
    30 * DAY,
  ]),
  refreshIdleSeconds: seconds(
    '--refresh-idle-seconds',
    'how long a refresh token lives that nobody uses',
    30 * DAY,
    [60, 366 * DAY],
  ),
  refreshAbsoluteSeconds: seconds(
    '--refresh-absolute-seconds',
    'how long a refresh token lives in all',
    90 * DAY,
    [60, 1830 * DAY],
  ),
  managementPort: setting({
    spelling: 'number',
    flags: '--management-port <n>',
    description:
      'serve /healthz, /readyz and /metrics on this port of their own; not at all by default',
    allowed: PORT,
    schema: port,
  }),
  managementHost: setting({
    spelling: 'text',
    flags: '--management-host <address>',
    description: 'address to serve them on',
    allowed: 'an address of this machine',
    schema: text,
    default: '127.0.0.1',
  }),
  log: setting({
    spelling: 'text',
    flags: '--log <format>',
    description: 'what is written to standard error: text, or a JSON object a line',
    allowed: 'text or json',
    schema: (z) => z.enum(['text', 'json']),
    default: 'text',
  }),
  logLevel: setting({
    spelling: 'text',
    flags: '--log-level <level>',
    description: 'the least that is written',
    allowed: 'debug, info, warn or error',
    schema: (z) => z.enum(['debug', 'info', 'warn', 'error']),
    default: 'info',
  }),
  trace: setting({
    spelling: 'boolean',
    flags: '--trace',
    description: 'write every token request and answer to standard error, tokens included',
    allowed: SWITCH,
    schema: flag,
    default: false,
    insecure: {
      when: (on) => on,
      warning: 'writes tokens and codes to standard error.',
      instead: 'leave it out; --log json says what happened without them',
    },
  }),
};

/** The settings of an auth server once each has been checked by itself. */
export type AuthServerValues = ValuesOf<typeof authServerSettings>;
