/** Agents, people and operators of our auth server, which runs as the command does, on one or more replicas. */
import { hashPassword, openStorage } from '@countersign/auth-server';
import { readFileSync } from 'node:fs';
import { DemoBrowser } from '../../packages/cli/dist/demo/browser.js';
import { freePort } from '../../scripts/free-port.js';
import { now, startAgent, startResource } from '../../scripts/check-kill/parties.js';
import { ServerProcess } from '../../scripts/check-kill/server-process.js';
import { send } from './connections.js';
import { asResponse } from './peer-load.js';

/** What an agent has asked and nobody has answered is counted each time: one that leaves thousands is not what is measured. */
const ASKING_AGENTS = 50;

const PASSWORD = 'a password for this measurement';

/** `program` is the command's first file. */
export async function startOwn(database, count, program) {
  const ports = [];
  for (let index = 0; index < count; index++) ports.push(await freePort());
  const issuer = `http://127.0.0.1:${ports[0]}`;
  const resource = await startResource();
  const [agent, trusted, ...asking] = await Promise.all(
    Array.from({ length: 2 + ASKING_AGENTS }, () => startAgent(issuer, resource)),
  );
  const access = [
    { agent: trusted.id, audience: resource.id, scopes: ['data.read'], decision: 'grant' },
  ];
  const env = {
    COUNTERSIGN_POLICY: JSON.stringify({ otherwise: 'ask-person', access }),
    COUNTERSIGN_MAX_PENDING_PER_AGENT: '100000',
  };
  const replicas = ports.map(
    (port) => new ServerProcess({ port, issuer, database: database.url, env, program }),
  );
  const starts = [];
  for (const replica of replicas) starts.push(await replica.start());
  const storage = await openStorage(database.url);
  const passwordHash = await hashPassword(PASSWORD);
  const people = Array.from({ length: 8 }, (_, index) => ({
    id: `person-${index}`,
    subject: `subject-${index}`,
    username: `person${index}`,
  }));
  for (const person of people) {
    const more = { name: null, email: null, emailVerified: false, createdAt: now() };
    await storage.users.create({ ...person, ...more, passwordHash });
  }

  let turn = 0;
  let asked = 0;
  const port = () => ports[turn++ % ports.length];
  const token = async (by, form) => {
    const { headers, body } = await by.sign(form);
    const answer = await send(port(), 'POST', '/agent/token', headers, body);
    if (answer.status !== 200) throw new Error(`${form.request_type}: ${answer.text}`);
    return JSON.parse(answer.text);
  };
  const ask = async (by) =>
    await token(by, {
      request_type: 'auth',
      resource_token: await by.resourceToken(),
      redirect_uri: by.redirectUri,
      state: 'a-state-of-the-agent',
    });
  const transport = async (url, { method = 'GET', headers, body } = {}) => {
    if (url.origin !== issuer) return new Response('', { status: 200 });
    const lines = [['Host', new URL(issuer).host], ...Object.entries(headers)];
    if (body !== undefined) lines.push(['Content-Type', 'application/x-www-form-urlencoded']);
    const { pathname, search } = url;
    return await asResponse(send(port(), method, pathname + search, lines, body?.toString()));
  };
  /** A person approves; returns the code. */
  const approving = (person) => {
    const { username } = person;
    const browser = new DemoBrowser({ username, password: PASSWORD }, transport);
    return async () => {
      const { request_token } = await ask(agent);
      const query = new URLSearchParams({
        request_token,
        redirect_uri: agent.redirectUri,
        state: 'a-state-of-the-agent',
      });
      const page = await browser.visit(`${issuer}/agent/auth?${query}`);
      const code = page.url.searchParams.get('code');
      if (code === null) throw new Error(`a person ended at ${page.url} with ${page.status}`);
      return code;
    };
  };
  const redeem = async (code, person) => {
    const form = { request_type: 'code', code, redirect_uri: agent.redirectUri };
    const { auth_token } = await token(agent, form);
    const claims = JSON.parse(Buffer.from(auth_token.split('.')[1], 'base64url').toString());
    if (claims.sub !== person.subject || claims.agent !== agent.id) throw new Error('mixed up');
  };
  const { refresh_token } = await ask(trusted);
  return {
    people,
    pids: replicas.map(({ pid }) => pid),
    start: Math.min(...starts),
    ask: () => ask(asking[asked++ % ASKING_AGENTS]),
    direct: () => ask(trusted),
    refresh: () => token(trusted, { request_type: 'refresh', refresh_token }),
    /** Codes that people have approved, made in advance. */
    codes: async (wanted) => {
      const codes = [];
      await Promise.all(
        people.map(async (person) => {
          const approve = approving(person);
          while (codes.length < wanted) codes.push([await approve(), person]);
        }),
      );
      return codes;
    },
    redeem,
    flows: (person) => {
      const approve = approving(person);
      return async () => redeem(await approve(), person);
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
      await storage.close();
      await Promise.all(replicas.map((replica) => replica.kill()));
      for (const party of [resource, agent, trusted, ...asking]) party.stop();
    },
  };
}
