import type { AlgorithmName } from '@countersign/httpsig';
import { type Command, Option } from 'commander';
import { CommandError } from '../command-error.js';
import { withEnvironment } from '../options/environment.js';
import { out } from '../terminal.js';

interface Options {
  readonly kid?: string;
  readonly algorithm: AlgorithmName;
  readonly json?: boolean;
}

const ALGORITHMS: readonly AlgorithmName[] = [
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
];

export function addKeygen(program: Command): void {
  const command = program
    .command('keygen')
    .description('make a keys file: a JWKS with one private key, readable by you alone')
    .argument('<file>', 'the file to make; an existing one is never overwritten')
    .option('--kid <name>', 'key id; default: the thumbprint of the key')
    .addOption(
      new Option('--algorithm <name>', 'signature algorithm')
        .choices(ALGORITHMS)
        .default('ed25519'),
    )
    .option('--json', 'print the public JWKS as JSON on one line')
    .action(async (file: string, options: Options) => {
      const { createKeysFile, loadKeysFile } = await import('../keys-file.js');
      const { kid, algorithm } = options;
      const made = await createKeysFile(file, { algorithm, ...(kid === undefined ? {} : { kid }) });
      if (!made) throw new CommandError(`${file} exists already; keys are never overwritten.`);
      const { current, jwks } = await loadKeysFile(file);
      if (options.json) out(`${JSON.stringify(jwks)}\n`);
      else out(`kid         ${current.kid}\nthumbprint  ${current.thumbprint}\n`);
    });
  withEnvironment(command);
}
