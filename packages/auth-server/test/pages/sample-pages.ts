import {
  type AccessConsentView,
  type AgentView,
  consentPage,
  type FormFields,
  type Message,
  messagePage,
  type Page,
  signInPage,
} from '../../src/pages/index.js';

export const form: FormFields = {
  csrf: 'csrf-token-of-this-session',
  requestToken: 'Zk3nE0c9qWm1uV7sXb5tR2yH8dLgPjAoKiFxTzQeUvY',
  redirectUri: 'https://mail-helper.example/callback',
  state: 'state&"<of>the flow',
};

export const agent: AgentView = {
  id: 'https://mail-helper.example',
  name: 'Mail Helper',
  homepage: 'https://mail-helper.example/',
  policyUri: 'https://mail-helper.example/privacy',
  tosUri: 'https://mail-helper.example/terms',
};

export const access: AccessConsentView = {
  kind: 'access',
  agent,
  account: 'ada',
  form,
  tokenLifetimeSeconds: 3600,
  resource: { id: 'https://files.example' },
  scopes: [
    {
      name: 'data.read',
      description: 'Read the names and the contents of your files',
      granted: false,
    },
    { name: 'data.write', granted: false },
  ],
};

const longHost = `${'a-very-long-label-of-a-host-name.'.repeat(6)}accounts.bank.example.evil.example`;

/** Everything a stranger could put in, all at once. */
export const hostile: AccessConsentView = {
  ...access,
  agent: {
    id: `https://${longHost}`,
    name: `\u202e</bdi><script>alert(1)</script> https://bank.example ${'M'.repeat(300)}`,
    homepage: 'javascript:alert(1)',
    policyUri: 'http://127.0.0.1/policy',
    tosUri: `https://terms.example/${'"><script>'.repeat(3)}`,
    delegate: `${'d'.repeat(200)}\u200b`,
  },
  account: `<b>ada</b>${'x'.repeat(100)}`,
  form: {
    ...form,
    redirectUri: `https://${longHost}/callback`,
    state: '"><script>alert(2)</script>',
  },
  resource: { id: `https://xn--bcher-kva.${longHost}` },
  scopes: [
    {
      name: 's'.repeat(300),
      description: `Z${'\u0300'.repeat(50)} \u2066${'﷽'.repeat(300)}`,
      granted: false,
    },
    {
      name: '<img src=x onerror=alert(1)>',
      description: '</figure><h1>Approved</h1>',
      granted: true,
    },
  ],
  purpose: `</style><style>*{display:none}</style> ${'p'.repeat(900)}`,
  details: [
    {
      type: 'payment',
      '<i>': { amount: 12, nested: { deep: ['a', '</dd>'] } },
      list: 'w'.repeat(400),
    },
  ],
};

const stepUp: AccessConsentView = {
  ...access,
  scopes: [
    { name: 'data.write', description: 'Change and delete your files', granted: false },
    {
      name: 'data.read',
      description: 'Read the names and the contents of your files',
      granted: true,
    },
  ],
};

const messages: readonly Message[] = [
  { kind: 'expired' },
  { kind: 'answered', outcome: 'approved' },
  { kind: 'answered', outcome: 'denied' },
  { kind: 'unknown' },
  { kind: 'claimed', session: { account: 'ada', form } },
  { kind: 'redirect-mismatch' },
  { kind: 'form-expired', retry: form },
  { kind: 'too-many-requests', retryAfterSeconds: 90 },
  { kind: 'unavailable', retryAfterSeconds: 5 },
  { kind: 'wrong-host' },
  { kind: 'not-found' },
  { kind: 'bad-request' },
  { kind: 'server-error' },
];

/** Every page there is, and the ones most likely to go wrong. */
export const samplePages: Readonly<Record<string, Page>> = {
  'sign-in': signInPage({ agent, resource: access.resource, form }),
  'sign-in-to-agent': signInPage({ agent, form }),
  'sign-in-wrong': signInPage({
    agent,
    resource: access.resource,
    form,
    username: 'ada',
    problem: { kind: 'wrong-credentials' },
  }),
  'sign-in-too-many': signInPage({
    agent,
    resource: access.resource,
    form,
    problem: { kind: 'too-many-attempts', retryAfterSeconds: 240 },
  }),
  'sign-in-hostile': signInPage({ agent: hostile.agent, resource: hostile.resource, form }),
  consent: consentPage(access),
  'consent-demo': consentPage({
    ...access,
    agent: { id: 'http://127.0.0.1:8001' },
    resource: { id: 'http://127.0.0.1:8002' },
    form: { ...form, redirectUri: 'http://127.0.0.1:8001/callback' },
  }),
  'consent-step-up': consentPage(stepUp),
  'consent-document': consentPage({
    ...access,
    agent: { ...agent, delegate: 'worker-7' },
    form: { ...form, redirectUri: 'https://login.other.example/done' },
    withdrawPath: '/account',
    purpose: 'To sort the invoices of March and file them under their suppliers.',
    details: [
      { type: 'folder', actions: ['read', 'move'], folder: { name: 'Invoices', year: 2026 } },
      { type: 'payment', amount: 120, currency: 'EUR', recurring: false },
    ],
    until: 1_804_075_200,
  }),
  'consent-remembered': consentPage({ ...access, remembered: true }),
  'consent-sign-in': consentPage({
    kind: 'sign-in',
    agent,
    account: 'ada',
    form,
    tokenLifetimeSeconds: 3600,
    identity: [
      { scope: 'openid' },
      { scope: 'profile', value: 'Ada Lovelace' },
      { scope: 'email', value: 'ada@people.example' },
    ],
  }),
  'consent-hostile': consentPage(hostile),
  ...Object.fromEntries(
    messages.map((message) => [
      `message-${message.kind}${'outcome' in message ? `-${message.outcome}` : ''}`,
      messagePage(message, { requestId: 'a1b2c3d4' }),
    ]),
  ),
};
