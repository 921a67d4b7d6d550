/** A certificate authority for this run, and certificates of `localhost` by it. */
import { join } from 'node:path';
import { runTool } from './tools.js';

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

/** Runs openssl in `cwd` on words without spaces, and further ones as they are. */
function openssl(cwd, words, ...further) {
  runTool('openssl', [...words.split(' '), ...further], { cwd });
}

/** Makes the authority; returns the file with its certificate. */
export function makeAuthority(folder) {
  const where = '-keyout ca-key.pem -out ca.pem -days 2';
  openssl(folder, `req -x509 ${NEW_KEY} ${where} -subj`, '/CN=An authority for a check');
  return join(folder, 'ca.pem');
}

/** Makes a certificate and its key where nginx looks for them. */
export function makeCertificate(folder, target) {
  const where = '-out request.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  openssl(folder, `req ${NEW_KEY} ${where} -keyout`, join(target, 'privkey.pem'));
  const by = '-CA ca.pem -CAkey ca-key.pem -CAcreateserial -copy_extensions copyall -days 2';
  openssl(folder, `x509 -req -in request.pem ${by} -out`, join(target, 'fullchain.pem'));
}
