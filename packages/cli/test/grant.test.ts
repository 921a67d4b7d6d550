import { expect, it } from 'vitest';
import { grantLine } from '../src/grants/list.js';
import { decide } from './support/person.js';
import { runHere } from './support/here.js';
import { run, start, urlToApprove } from './support/program.js';
import { newFile, serveAuthServer, serveResource } from './support/servers.js';

it('grants are listed and revoked while the server runs, and refreshing ends with them', async () => {
  const database = newFile('grants.db');
  const words = (...args: string[]) => ['grant', ...args, '--database', `sqlite:${database}`];
  const grant = (...args: string[]) => runHere(words(...args));
  const authServer = await serveAuthServer([], { database });
  const resource = await serveResource(authServer.url);
  expect(await grant('list')).toMatchObject({ code: 0, stdout: '' });

  const program = start(['fetch', `${resource.url}/data-auth`, '--no-browser']);
  await decide(await urlToApprove(program));
  expect((await program.ended).code).toBe(0);

  const [listed] = JSON.parse((await grant('list', '--json')).stdout);
  expect(listed).toMatchObject({
    user: 'testuser',
    resource: resource.url,
    scope: 'data.read data.write',
    delegate: null,
    purpose: null,
    ends: null,
  });
  expect((await grant('list', '--user', 'testuser')).stdout).toContain(listed.id);
  expect(await grant('list', '--user', 'nobody')).toMatchObject({
    code: 1,
    stderr: 'error: There is nobody called nobody.\n',
  });

  const trail = ['audit', 'list', '--grant', listed.id, '--database', `sqlite:${database}`];
  expect(
    (await runHere(trail)).stdout.match(/access-\w+|token-issued|testuser|means=\w+/g),
  ).toEqual(['access-granted', 'testuser', 'token-issued', 'testuser', 'means=code']);

  const unasked = await grant('revoke', listed.id);
  expect({ code: unasked.code, stdout: unasked.stdout }).toEqual({ code: 2, stdout: '' });
  expect(unasked.stderr).toMatch(
    /^error: http:.* can renew no token for http:.* Say --yes when that is what you want\.$/m,
  );
  expect((await grant('list')).stdout).toContain(listed.id);
  expect(await run(words('revoke', listed.id, '--yes'))).toMatchObject({
    code: 0,
    stdout: 'The grant is revoked. Auth tokens already issued live out their hour.\n',
  });
  expect((await grant('list')).stdout).toBe('');
  expect(await grant('revoke', listed.id, '--yes')).toMatchObject({ code: 1 });
  expect(await grant('revoke', '-an-id-that-begins-with-a-hyphen')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: There is no/),
  });
});

it('a grant of a document is listed with its purpose, harmless to a terminal, and its end', () => {
  const grant = {
    id: 'g1',
    user: 'alice',
    agent: 'https://agent.example',
    delegate: 'laptop',
    resource: 'https://bank.example',
    scope: 'payments',
    approved: '2026-01-19T01:27:25.000Z',
    purpose: null,
    ends: null,
  };
  const line = 'g1  alice  https://agent.example (laptop) at https://bank.example: payments';
  expect(grantLine(grant)).toBe(`${line}  ${grant.approved}`);
  const ends = '2026-02-01T00:00:00.000Z';
  expect(grantLine({ ...grant, purpose: 'Rent\u001b[2J\nfor\u202e May', ends })).toBe(
    `${line} "Rent[2J for May"  ${grant.approved} until ${ends}`,
  );
});
