// The other process of the tests with two processes: opens the store at the first task and answers each task once. Runs
// the compiled package, as the tests of the command line do: loading the sources takes longer than everything else.
import { openStorage } from '@countersign/auth-server';

const [url, name] = process.argv.slice(2);
const NOW = 1_700_000_000;
const AGENT = 'https://agent.example';
const CALLBACK = 'https://agent.example/callback';
const ANA = {
  id: 'id-ana',
  subject: 'subject-ana',
  username: 'ana',
  name: null,
  email: null,
  emailVerified: false,
  passwordHash: 'hash-ana',
  createdAt: NOW,
};
const QUESTION = {
  idHash: 'pending',
  agent: AGENT,
  delegate: null,
  audience: 'https://resource.example',
  question: {},
  redirectUri: CALLBACK,
  state: null,
  createdAt: NOW,
  expiresAt: NOW + 600,
};
const APPROVAL = {
  idHash: 'pending',
  userId: 'id-ana',
  now: NOW,
  outcome: 'granted',
  grant: { id: 'grant', scope: 'data.read' },
  code: {
    hash: 'code',
    subject: 'subject-ana',
    scope: 'data.read',
    claims: {},
    expiresAt: NOW + 60,
  },
};

const hundred = (attempt) => Promise.all(Array.from({ length: 100 }, (_, index) => attempt(index)));

let opening;

const tasks = {
  key: async (storage) => {
    const key = {
      kid: name,
      algorithm: 'ed25519',
      privateJwk: {},
      createdAt: NOW,
      activeFrom: NOW,
    };
    return [(await storage.signingKeys.insertIfNone(key)).kid];
  },
  approve: async (storage) => {
    await storage.users.create(ANA);
    await storage.pendingDecisions.create(QUESTION, { maxPendingPerAgent: 10 });
    await storage.pendingDecisions.claim('pending', 'id-ana', NOW);
    await storage.pendingDecisions.decide(APPROVAL);
    return [];
  },
  claim: async (storage) => {
    const share = { key: 'a', endsAt: NOW + 60, want: 3, limit: 100 };
    const results = await hundred(() => storage.limits.claim(share));
    return results.map(({ granted }) => granted);
  },
  redeem: async (storage) => {
    const results = await hundred((index) =>
      storage.codes.redeem({
        codeHash: 'code',
        agent: AGENT,
        delegate: null,
        redirectUri: CALLBACK,
        now: NOW + 1,
        refreshTokenHash: `${name}-${index}`,
        issued: { jti: `${name}-${index}`, kind: 'auth', expiresAt: NOW + 3600 },
      }),
    );
    return results.map((result) => result.reason ?? result.outcome);
  },
};

async function answer(task) {
  try {
    opening ??= openStorage(url, {
      connectTimeoutMilliseconds: 20_000,
      lockTimeoutMilliseconds: 20_000,
    });
    process.send({ answer: await tasks[task](await opening) });
  } catch (error) {
    process.send({ error: String(error.stack) });
  }
}

process.on('message', (task) => void answer(task));
// Not left over when the tests break off.
process.on('disconnect', () => process.exit());
process.send({ answer: [] });
