'use strict';
// Node before 20.20 calls WebCrypto's Ed25519 experimental, at every run and on standard error.
const emitWarning = process.emitWarning.bind(process);
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).includes('Ed25519 Web Crypto API')) emitWarning(warning, ...rest);
};
