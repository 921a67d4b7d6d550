import { Command } from 'commander';
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** `countersign` without its commands. */
export function rootCommand(): Command {
  return new Command('countersign')
    .description(
      'AAuth for TypeScript: signed requests, access that a person approves, no shared secrets.',
    )
    .version(version)
    .showHelpAfterError('(--help shows what is possible)')
    .addHelpText('after', '\nBegin with `countersign demo`.')
    .exitOverride();
}

/** The commands that run a party. */
export function addServe(program: Command): Command {
  return program.command('serve').description('run one of the three parties');
}
