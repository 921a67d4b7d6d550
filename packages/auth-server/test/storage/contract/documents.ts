import { describe, expect, it } from 'vitest';
import type { ApprovedDocument } from '../../../src/storage/index.js';
import {
  ABSOLUTE,
  AGENT,
  claimedQuestion,
  type Contract,
  newCode,
  NOW,
  redemption,
  refresh,
  RESOURCE,
} from './fixtures.js';

const JWK = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'enc-1' };
const document: ApprovedDocument = {
  documentHash: 'document-1',
  purpose: 'To pay “one” invoice',
  endsAt: NOW + 500,
};
const ana = { userId: 'id-ana', agent: AGENT, delegate: null, audience: RESOURCE };

export function documentContract({ storage }: Contract): void {
  const approve = async (
    idHash: string,
    grant: { id: string; scope?: string; document?: ApprovedDocument },
    endsAt: number | null = grant.document?.endsAt ?? null,
  ) =>
    await storage().pendingDecisions.decide({
      ...(await claimedQuestion(storage(), idHash)),
      now: NOW,
      outcome: 'granted',
      grant: { scope: 'data.read', ...grant },
      code: newCode(idHash, { accessEndsAt: endsAt, encryptionJwk: JWK }),
    });

  describe('approvals of documents', () => {
    it('are grants of their own, beside the one of scopes alone and each other', async () => {
      await approve('plain', { id: 'grant-0' });
      await approve('one', { id: 'grant-1', scope: 'data.pay', document });
      const other = { ...document, documentHash: 'document-2', endsAt: null };
      await approve('two', { id: 'grant-2', scope: 'data.pay', document: other });
      expect(await storage().grants.findActive(ana)).toMatchObject({
        id: 'grant-0',
        scope: 'data.read',
        documentHash: null,
      });
      const { documentHash } = document;
      expect(await storage().grants.findActive({ ...ana, documentHash })).toMatchObject({
        id: 'grant-1',
        scope: 'data.pay',
        ...document,
      });
      expect(await storage().grants.listForUser('id-ana')).toHaveLength(3);
      await approve('again', { id: 'grant-3', scope: 'data.pay', document });
      expect(await storage().grants.listForUser('id-ana')).toHaveLength(3);
    });

    it('are revoked one by one', async () => {
      await approve('plain', { id: 'grant-0' });
      await approve('one', { id: 'grant-1', document });
      await storage().codes.redeem(redemption({ codeHash: 'one' }));
      expect(await storage().grants.revoke({ id: 'grant-1', now: NOW })).toBe(true);
      expect(await storage().refreshTokens.use(refresh())).toBeUndefined();
      expect(await storage().grants.findActive(ana)).toBeDefined();
    });

    it('hand their end and their key on to the code and its refresh token', async () => {
      await approve('one', { id: 'grant-1', document });
      const terms = { accessEndsAt: NOW + 500, encryptionJwk: JWK };
      const redeemed = await storage().codes.redeem(redemption({ codeHash: 'one' }));
      expect(redeemed).toMatchObject({ outcome: 'redeemed', code: terms });
      expect(await storage().issuedTokens.find('jti-1')).toMatchObject({ expiresAt: NOW + 500 });
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 499 }))).toMatchObject(terms);
      expect(await storage().issuedTokens.find('jti-2')).toMatchObject({ expiresAt: NOW + 500 });
    });

    it('end: the code is refused from then on, and so is the refresh token, without a trace', async () => {
      await approve('short', { id: 'grant-1', document }, NOW + 30);
      const late = redemption({ codeHash: 'short', now: NOW + 30 });
      expect(await storage().codes.redeem(late)).toEqual({ outcome: 'refused', reason: 'expired' });
      const last = redemption({ codeHash: 'short', now: NOW + 29 });
      expect(await storage().codes.redeem(last)).toMatchObject({ outcome: 'redeemed' });
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 30 }))).toBeUndefined();
      expect(await storage().issuedTokens.find('jti-2')).toBeUndefined();
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 29 }))).toBeDefined();
    });

    it('without an end and a key have neither, and ledger rows as ever', async () => {
      await approve('open', { id: 'grant-1', document: { ...document, endsAt: null } });
      await storage().codes.redeem(redemption({ codeHash: 'open' }));
      expect(await storage().issuedTokens.find('jti-1')).toMatchObject({ expiresAt: NOW + 3601 });
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 5000 }))).toBeDefined();
    });

    it('by policy end too', async () => {
      await storage().grants.issueDirectly({
        grant: { id: 'direct', agent: AGENT, delegate: null, audience: RESOURCE, scope: 'a' },
        refreshToken: { hash: 'refresh', claims: {}, accessEndsAt: NOW + 50, encryptionJwk: JWK },
        issued: { jti: 'jti-1', kind: 'auth', expiresAt: NOW + 3600 },
        now: NOW,
      });
      expect(await storage().issuedTokens.find('jti-1')).toMatchObject({ expiresAt: NOW + 50 });
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 50 }))).toBeUndefined();
      expect(await storage().refreshTokens.use(refresh({ now: NOW + 49 }))).toMatchObject({
        encryptionJwk: JWK,
      });
    });

    it('are closed by the sweep once they have ended, and not before', async () => {
      await approve('one', { id: 'grant-1', document });
      await approve('plain', { id: 'grant-0' });
      const options = { refreshAbsoluteSeconds: ABSOLUTE };
      await storage().sweep(NOW + 499, options);
      expect(await storage().grants.listForUser('id-ana')).toHaveLength(2);
      await storage().sweep(NOW + 500, options);
      expect(await storage().grants.listForUser('id-ana')).toMatchObject([{ id: 'grant-0' }]);
      expect(await storage().grants.findById('grant-1')).toMatchObject({ revokedAt: NOW + 500 });
    });
  });
}
