/** Agents, people and operators of our auth server, which runs as the command does, on one or more replicas. */
import { hashPassword, openStorage } from '@countersign/auth-server';
import { readFileSync } from 'node:fs';
import { freePort } from '../../scripts/free-port.js';
import { now } from '../../scripts/check-kill/parties.js';
import { ServerProcess } from '../../scripts/check-kill/server-process.js';
import { HttpClient } from '../http-client.js';
import { startBenchAgent, startBenchResource } from './agent.js';
import { BenchBrowser } from './browser.js';
import { claimsOf, unique } from './ed25519.js';

/** What an agent has asked and nobody has answered is counted each time: one that leaves thousands is not what is measured. */
const ASKING_AGENTS = 50;
const PEOPLE = 8;
const PASSWORD = 'a password for this measurement';

async function startReplicas(database, count, program, policy) {
  const ports = [];
  for (let index = 0; index < count; index++) ports.push(await freePort());
  const issuer = `http://127.0.0.1:${ports[0]}`;
  const parties = await startParties(issuer);
  const env = {
    COUNTERSIGN_POLICY: JSON.stringify(policy(parties)),
    COUNTERSIGN_MAX_PENDING_PER_AGENT: '100000',
  };
  const replicas = ports.map(
    (port) => new ServerProcess({ port, issuer, database: database.url, env, program }),
  );
  const starts = [];
  for (const replica of replicas) starts.push(await replica.start());
  return { issuer, parties, replicas, start: Math.min(...starts) };
}

async function startParties(issuer) {
  const resource = await startBenchResource();
  const [agent, trusted, ...asking] = await Promise.all(
    Array.from({ length: 2 + ASKING_AGENTS }, () => startBenchAgent(issuer, resource)),
  );
  const stop = () => {
    for (const party of [resource, agent, trusted, ...asking]) party.stop();
  };
  return { resource, agent, trusted, asking, stop };
}

/** One agent is granted what it asks for without anybody. */
const trusting = ({ trusted, resource }) => ({
  otherwise: 'ask-person',
  access: [{ agent: trusted.id, audience: resource.id, scopes: ['data.read'], decision: 'grant' }],
});

async function addPeople(storage) {
  const passwordHash = await hashPassword(PASSWORD);
  const people = Array.from({ length: PEOPLE }, (_, index) => ({
    id: `person-${index}`,
    subject: `subject-${index}`,
    username: `person${index}`,
  }));
  for (const person of people) {
    const more = { name: null, email: null, emailVerified: false, createdAt: now() };
    await storage.users.create({ ...person, ...more, passwordHash });
  }
  return people;
}

/** Calls of agents, each of which goes to the next replica and throws unless it is answered as it should be. */
function agentCalls(send) {
  const token = async (by, body) => {
    const answer = await send(by.request(body));
    if (answer.status !== 200) throw new Error(`${answer.status} for ${body}: ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const question = (by, state) =>
    `request_type=auth&resource_token=${by.resourceToken()}` +
    `&redirect_uri=${encodeURIComponent(by.redirectUri)}&state=${state}`;
  const issued = (by, answer, subject) => {
    const claims = claimsOf(answer.auth_token);
    if (claims.sub !== subject || claims.agent !== by.id) throw new Error('mixed up');
    return answer;
  };
  return {
    ask: async (by, state) => {
      const { request_token } = await token(by, question(by, state));
      if (typeof request_token !== 'string') throw new Error('no request token');
      return request_token;
    },
    direct: async (by) => issued(by, await token(by, question(by, unique()))),
    refresh: async (by, refresh) =>
      issued(by, await token(by, `request_type=refresh&refresh_token=${refresh}`)),
    redeem: async (by, code, { subject }) => {
      const redirect = encodeURIComponent(by.redirectUri);
      const body = `request_type=code&code=${code}&redirect_uri=${redirect}`;
      issued(by, await token(by, body), subject);
    },
  };
}

/** Returns what opens a question as this person and approves it; the code comes out. */
function approving(person, { agent, issuer, send, calls }) {
  const { username } = person;
  const browser = new BenchBrowser(issuer, { username, password: PASSWORD }, send);
  const redirect = encodeURIComponent(agent.redirectUri);
  return async () => {
    const state = unique();
    const request = await calls.ask(agent, state);
    const end = await browser.visit(
      `/agent/auth?request_token=${request}&redirect_uri=${redirect}&state=${state}`,
    );
    const code = end.searchParams.get('code');
    if (end.origin !== agent.id || code === null) throw new Error(`a person ended at ${end}`);
    if (end.searchParams.get('state') !== state) throw new Error('mixed up');
    return code;
  };
}

/** `program` is the command's first file. */
export async function startOwn(database, count, program) {
  const { issuer, parties, replicas, start } = await startReplicas(
    database,
    count,
    program,
    trusting,
  );
  const { agent, trusted, asking } = parties;
  const storage = await openStorage(database.url);
  const people = await addPeople(storage);
  const clients = replicas.map(({ port }) => new HttpClient(port));
  let used = clients;
  let turn = 0;
  let asked = 0;
  /** They sign in once: checking passwords takes longer than all the codes do. */
  let approvers;
  const send = (request) => used[turn++ % used.length].send(request);
  const calls = agentCalls(send);
  const approvingAs = (person) => approving(person, { agent, issuer, send, calls });
  const { refresh_token } = await calls.direct(trusted);
  return {
    people,
    pids: replicas.map(({ pid }) => pid),
    start,
    /** From now on, calls go to these replicas only, which are counted from 0. */
    callOnly: (places) => {
      used = places.map((place) => clients[place]);
    },
    ask: () => calls.ask(asking[asked++ % ASKING_AGENTS], unique()),
    direct: () => calls.direct(trusted),
    refresh: () => calls.refresh(trusted, refresh_token),
    /** Codes that people have approved, made in advance. */
    codes: async (wanted) => {
      const codes = [];
      approvers ??= people.map((person) => [person, approvingAs(person)]);
      await Promise.all(
        approvers.map(async ([person, approve]) => {
          while (codes.length < wanted) codes.push([await approve(), person]);
        }),
      );
      return codes;
    },
    redeem: (code, person) => calls.redeem(agent, code, person),
    flows: (person) => {
      const approve = approvingAs(person);
      return async () => {
        await calls.redeem(agent, await approve(), person);
      };
    },
    /** The most that one of the processes holds, in MiB. */
    memory: () =>
      Math.max(
        ...replicas.map(({ pid }) => {
          const status = readFileSync(`/proc/${pid}/status`, 'utf8');
          return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
        }),
      ),
    stop: async () => {
      for (const client of clients) client.close();
      await storage.close();
      await Promise.all(replicas.map((replica) => replica.kill()));
      parties.stop();
    },
  };
}
