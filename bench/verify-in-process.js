import {
  parseSignatureInput,
  signatureBase,
  HeaderIndex,
  parseSignatureValue,
  utf8,
} from '@countersign/httpsig';
import { createResource } from '@countersign/resource';
import { compare, printTable, throughput } from './measure.js';
import { authorizedRequest, ISSUER, makeKeys, RESOURCE, SCOPES, warmDiscovery } from './parties.js';

/** An authorized request verified in process, against bare WebCrypto Ed25519 verification of the same bytes. */
export async function verifyInProcess({ rounds, milliseconds }) {
  const keys = await makeKeys();
  const resource = createResource({
    id: RESOURCE,
    keys: keys.resource,
    authServers: [ISSUER],
    scopes: SCOPES,
    insecureLoopback: true,
    discovery: await warmDiscovery(keys),
  });
  let message = await authorizedRequest(keys);
  const requirement = { scopes: Object.keys(SCOPES) };

  const headers = new HeaderIndex(message.headers);
  const input = parseSignatureInput(headers.get('signature-input'));
  const { method, target } = message;
  const source = { method, target, authority: new URL(RESOURCE).host, headers };
  const base = utf8(signatureBase(input.components, input.raw, source, 'rfc9421'));
  const { bytes } = parseSignatureValue(headers.get('signature'));
  const { kid: _kid, ...jwk } = keys.agent.current.publicJwk;
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify']);

  const rows = [];
  for (const inFlight of [50, 1]) {
    const result = await compare({
      rounds,
      baseline: async () => {
        return await throughput(
          async () => {
            if (!(await crypto.subtle.verify('Ed25519', key, bytes, base)))
              throw new Error('not valid');
          },
          { inFlight, milliseconds },
        );
      },
      subject: async () => {
        // The signature stays fresh for a minute: sign anew for each round.
        message = await authorizedRequest(keys);
        return await throughput(
          async () => {
            const outcome = await resource.verify(message, requirement);
            if (outcome.type !== 'access') throw new Error(`no access: ${outcome.error?.rule}`);
          },
          { inFlight, milliseconds },
        );
      },
    });
    rows.push({ name: `authorized request, ${inFlight} in flight`, ...result });
  }
  printTable(
    'Verifying in process, against bare WebCrypto Ed25519 of the same bytes',
    'per second',
    rows,
  );
}
