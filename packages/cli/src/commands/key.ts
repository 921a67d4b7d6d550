import type { Command } from 'commander';
import { addDatabaseOptions } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';

export interface KeyOptions {
  readonly database: string;
  readonly json?: boolean;
  readonly algorithm?: string;
  readonly after?: string;
  readonly kid?: string;
  readonly yes?: boolean;
  readonly keyEncryptionKey?: string;
  readonly previousKeyEncryptionKey?: string;
}

/** `countersign key`: the keys with which the auth server on the same database signs tokens. */
export function addKey(program: Command): void {
  const key = program.command('key').description("the auth server's signing keys");
  const add = (usage: string, description: string): Command =>
    addDatabaseOptions(key.command(usage).description(description));
  const encrypting = (command: Command): Command =>
    command
      .option(
        '--key-encryption-key <secret>',
        'as the server has it; rather in the file that COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE names',
      )
      .option('--previous-key-encryption-key <secret>', 'the one before it, when it is replaced');

  withEnvironment(
    add('list', 'kid, algorithm, state and times of each')
      .option('--json', 'print JSON')
      .action(async (options: KeyOptions) => {
        const { listKeys } = await import('../keys/list.js');
        await listKeys(options);
      }),
  );
  withEnvironment(
    encrypting(add('rotate', 'make the next key: published at once, used later'))
      .option('--algorithm <name>', 'ed25519 (default), ecdsa-p256-sha256, ecdsa-p384-sha384, …')
      .option('--after <seconds>', 'how long it is published before it signs (default: 600)')
      .option('--kid <kid>', 'its name (default: its thumbprint)')
      .action(async (options: KeyOptions) => {
        const { rotateKey } = await import('../keys/rotate.js');
        await rotateKey(options);
      }),
  );
  withEnvironment(
    encrypting(add('revoke <kid>', 'remove a key that somebody else may have, at once'))
      .option('--yes', 'do not ask')
      // A kid may begin with a hyphen.
      .allowUnknownOption()
      .action(async (kid: string, options: KeyOptions) => {
        const { revokeKey } = await import('../keys/revoke.js');
        await revokeKey(kid, options);
      }),
  );
  withEnvironment(
    encrypting(add('encrypt', 'encrypt stored keys with the key-encryption key')).action(
      async (options: KeyOptions) => {
        const { encryptKeys } = await import('../keys/encrypt.js');
        await encryptKeys(options);
      },
    ),
  );
}
