/** What must be true after each start, as far as the answers before it go. */
import { BrokenPromise } from './history.js';
import { now } from './parties.js';
import { send } from './server-process.js';
import { LIFETIME_SECONDS } from './world.js';

/** Throws a {@link BrokenPromise} for the first one that does not hold. The world must be at rest. */
export async function verifyPromises(world) {
  if (world.broken !== undefined) throw world.broken;
  await verifyLedger(world);
  await verifyKeys(world);
  await verifyQuestions(world);
  await verifyTokens(world);
  await verifyCodes(world);
  await verifyRepeats(world);
  await verifyLedger(world);
}

async function verifyLedger(world) {
  const lost = new Map();
  const add = ({ agent, person }, count) => {
    const key = `${agent.id} ${person.subject}`;
    lost.set(key, (lost.get(key) ?? 0) + count);
  };
  for (const code of world.codes) {
    const unknown = code.attempts.some(({ outcome }) => outcome === 'unknown');
    if (code.token === undefined && unknown) add(code, 1);
  }
  for (const token of world.tokens) add(token, token.lost);
  const issued = await world.ledger.verify(world.url, lost);
  world.counts['tokens in the ledger'] = issued.size;
  world.counts['acts in the audit trail'] = await world.withStorage((storage) =>
    world.trail.verify(storage, issued),
  );
}

async function verifyKeys(world) {
  const { text } = await send(world.port(), 'GET', '/jwks.json');
  const kids = JSON.parse(text).keys.map(({ kid }) => kid);
  world.kids ??= kids;
  if (`${kids}` !== `${world.kids}`) throw new BrokenPromise(`other keys: ${kids}`);
}

async function verifyQuestions(world) {
  world.questions = world.questions.filter(({ at }) => now() - at < LIFETIME_SECONDS);
  for (const question of sample(
    world,
    world.questions.filter(({ fate }) => fate !== 'lost'),
  )) {
    const { fate, story } = question;
    const { pathname, search, host } = new URL(world.addressOf(question));
    const page = await send(world.port(), 'GET', pathname + search, [['Host', host]]);
    world.history.note(`the question, ${fate}, is opened again: ${page.status}`, { story });
    const asks = page.text.includes('type="password"') || page.text.includes('value="approve"');
    if (fate !== 'open' && asks) {
      throw new BrokenPromise(`a question that was ${fate} is open again`, story);
    }
    if (fate === 'open' && page.status !== 200) {
      throw new BrokenPromise(`a question does not open: ${page.status}`, story);
    }
    world.count('questions looked at');
  }
}

/** Each code once more, after the first start that follows it. */
async function verifyCodes(world) {
  for (const code of world.codes) {
    if (code.checked || now() - code.at >= LIFETIME_SECONDS) continue;
    code.checked = true;
    const withdrawn = world.withdrawals.fate(code) === 'withdrawn';
    if (withdrawn && code.token === undefined) world.count('withdrawn codes shown');
    await world.redeem(code);
    world.count('codes looked at');
  }
}

/** The last that were withdrawn since the last time, in another life of the server, and some others. */
async function verifyTokens(world) {
  const withdrawn = world.tokens.filter(
    (token) =>
      !token.checked &&
      (token.deadSince !== undefined || world.withdrawals.fate(token.code) === 'withdrawn'),
  );
  for (const token of withdrawn) token.checked = true;
  for (const token of new Set([...withdrawn.slice(-8), ...sample(world, world.tokens)])) {
    await world.refresh(token);
    world.count('tokens looked at');
  }
}

async function verifyRepeats(world) {
  for (const { signed, story } of world.accepted.splice(0).slice(-6)) {
    if (now() - signed.created > LIFETIME_SECONDS) continue;
    const { headers, body } = signed;
    const { status } = await send(world.port(), 'POST', '/agent/token', headers, body);
    if (status !== 401) {
      throw new BrokenPromise(`a request was accepted a second time: ${status}`, story);
    }
    world.count('repeats refused');
  }
}

/** The last of a list and some others. */
function sample(world, list) {
  const others = list.slice(0, -6);
  const some = Array.from({ length: Math.min(4, others.length) }, () => world.pick(others));
  return [...new Set([...list.slice(-6), ...some])];
}
