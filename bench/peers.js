import { fetch as helloFetch, verify as helloVerify } from '@hellocoop/httpsig';
import { generatePrivateJwk, importSigningKey, signMessage } from '@countersign/httpsig';
import { signingProfile } from '@countersign/protocol';
import { createResource, memoryReplayStore } from '@countersign/resource';
import { createSignature, verifySignature } from 'http-message-sig';
import { httpbis } from 'http-message-signatures';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { signatureHeaders, verify as botVerify } from 'web-bot-auth';
import { signerFromJWK, verifierFromJWK } from 'web-bot-auth/crypto';
import { compare, printTable, throughput } from './measure.js';
import { ISSUER, makeKeys, now, RESOURCE, SCOPES, warmDiscovery } from './parties.js';

const AUTHORITY = new URL(RESOURCE).host;
const URL_ = `${RESOURCE}/data`;
const COMPONENTS = ['@method', '@authority', '@path'];

function must(valid) {
  if (!valid) throw new Error('not valid');
}

/** Ed25519 on the thread pool: what every library that takes a verifier is given. */
function poolVerifier(key) {
  return (data, signature) =>
    new Promise((resolve) => {
      verify(null, data, key, signature, (error, valid) => resolve(error === null && valid));
    });
}

/** A signature-only request (the bare key in the header) as each library signs and verifies it. */
async function makePeers() {
  const jwk = await generatePrivateJwk();
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const check = poolVerifier(publicKey);
  return {
    '@hellocoop/httpsig': async () => {
      const { headers } = await helloFetch(URL_, {
        signingKey: { ...jwk, alg: 'Ed25519' },
        signatureKey: { type: 'hwk' },
        dryRun: true,
      });
      const request = {
        method: 'GET',
        authority: AUTHORITY,
        path: '/data',
        headers: Object.fromEntries(headers),
      };
      return async () => {
        const { verified } = await helloVerify(request);
        must(verified);
      };
    },
    'http-message-signatures': async () => {
      const signed = await httpbis.signMessage(
        {
          key: { id: 'key-1', alg: 'ed25519', sign: async (data) => sign(null, data, privateKey) },
          fields: COMPONENTS,
          params: ['created', 'keyid'],
        },
        { method: 'GET', url: URL_, headers: { host: AUTHORITY } },
      );
      const config = { keyLookup: async () => ({ id: 'key-1', algs: ['ed25519'], verify: check }) };
      return async () => must(await httpbis.verifyMessage(config, signed));
    },
    'http-message-sig': async () => {
      const descriptor = {
        kind: 'request',
        method: 'GET',
        targetUri: URL_,
        fields: [{ name: 'host', value: AUTHORITY }],
      };
      const fields = await createSignature(descriptor, {
        label: 'sig1',
        components: COMPONENTS,
        parameters: { created: now(), keyid: 'key-1' },
        signer: { algorithm: 'ed25519', sign: (data) => sign(null, data, privateKey) },
      });
      const message = {
        ...descriptor,
        fields: [
          ...descriptor.fields,
          { name: 'signature', value: fields.signature },
          { name: 'signature-input', value: fields.signatureInput },
        ],
      };
      const options = {
        policy: {
          algorithms: ['ed25519'],
          requiredComponents: COMPONENTS,
          requiredParameters: ['created'],
          maxAge: 60,
          clockSkew: 60,
        },
        resolveVerifier: () => ({ algorithm: 'ed25519', verify: check }),
      };
      return async () => must(await verifySignature(message, options));
    },
    'web-bot-auth': async () => {
      const request = new Request(URL_);
      const created = new Date();
      const headers = await signatureHeaders(request, await signerFromJWK(jwk), {
        created,
        expires: new Date(created.getTime() + 300_000),
      });
      const signed = new Request(URL_, {
        headers: { Signature: headers.Signature, 'Signature-Input': headers['Signature-Input'] },
      });
      const { d: _private, ...publicJwk } = jwk;
      const verifier = await verifierFromJWK(publicJwk);
      return async () => {
        await botVerify(signed, verifier);
      };
    },
  };
}

async function makeOurs() {
  const keys = await makeKeys();
  const resource = createResource({
    id: RESOURCE,
    keys: keys.resource,
    authServers: [ISSUER],
    scopes: SCOPES,
    replay: memoryReplayStore({ clock: now, nothingBeforeStart: true }),
    insecureLoopback: true,
    discovery: await warmDiscovery(keys),
  });
  const key = await importSigningKey(await generatePrivateJwk());
  return async () => {
    const message = { method: 'GET', target: '/data', headers: [['Host', AUTHORITY]] };
    const added = await signMessage(message, {
      profile: signingProfile,
      key,
      signatureKey: { scheme: 'hwk', jwk: key.publicJwk },
      authority: AUTHORITY,
      created: now(),
    });
    const signed = { ...message, headers: [...message.headers, ...added] };
    return async () => {
      const { type } = await resource.verify(signed, 'signature');
      must(type === 'access');
    };
  };
}

/** A signature-only request in process, against other libraries that verify one. */
export async function againstPeers({ rounds, milliseconds }) {
  const ours = await makeOurs();
  const rows = [];
  for (const [name, prepare] of Object.entries(await makePeers())) {
    for (const inFlight of [1, 50]) {
      const measure = (make) => async () => {
        const work = await make();
        return await throughput(work, { inFlight, milliseconds });
      };
      const result = await compare({ rounds, baseline: measure(prepare), subject: measure(ours) });
      rows.push({ name: `${name}, ${inFlight} in flight`, ...result });
    }
  }
  printTable('Signature-only request in process, against other libraries', 'per second', rows);
}
