import { type Command, CommanderError, type Option } from 'commander';
import { readFileSync } from 'node:fs';
import { UsageError } from '../command-error.js';

/** `--accept-wire` is `COUNTERSIGN_ACCEPT_WIRE`, and `--no-browser` is `COUNTERSIGN_NO_BROWSER`. */
export function environmentName(option: Option): string {
  const flag = option.long ?? option.name();
  return `COUNTERSIGN_${flag.replace(/^--/, '').replaceAll('-', '_').toUpperCase()}`;
}

/** A variable, or the content of the file that the variable with `_FILE` behind its name names. Empty is not given. */
export function environmentValue(name: string): string | undefined {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  const file = process.env[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/[\r\n]+$/, '');
  } catch {
    throw new UsageError(`${name}_FILE names ${file}, which cannot be read.`);
  }
}

/**
 * Lets every option of a command be given as a variable too, but for those in `leftOut`, since a variable of that name is for
 * something else. What stands on the command line comes first.
 */
export function withEnvironment(command: Command, leftOut: readonly string[] = []): void {
  const [example] = command.options.filter(({ long }) => long?.includes('-', 2));
  command.addHelpText(
    'after',
    `\nEvery ${leftOut.length > 0 ? 'option but what selects' : 'option'} is a variable too${example === undefined ? '' : `, ${example.long} for instance ${environmentName(example)}`}; with _FILE\n` +
      'behind its name it names a file with the value. The command line comes first.',
  );
  command.hook('preAction', () => {
    for (const option of command.options) {
      const name = option.attributeName();
      if (command.getOptionValueSource(name) === 'cli' || leftOut.includes(name)) continue;
      const value = environmentValue(environmentName(option));
      if (value !== undefined) {
        command.setOptionValueWithSource(name, readValue(option, value), 'env');
      }
    }
  });
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
]);

function readValue(option: Option, value: string): unknown {
  const name = environmentName(option);
  if (option.isBoolean() || option.negate) {
    const on = BOOLEANS.get(value.toLowerCase());
    if (on === undefined) throw new UsageError(`${name} is "${value}": it takes true or false.`);
    return option.negate ? !on : on;
  }
  try {
    return option.parseArg === undefined ? value : option.parseArg<unknown>(value, undefined);
  } catch (error) {
    if (error instanceof CommanderError) {
      throw new UsageError(`${name} is "${value}": ${error.message}`);
    }
    throw error;
  }
}
