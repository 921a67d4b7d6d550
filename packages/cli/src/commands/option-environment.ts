import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-error.js';

/** `--accept-wire` is `COUNTERSIGN_ACCEPT_WIRE`. */
export function environmentName(option: Option): string {
  return `COUNTERSIGN_${option
    .attributeName()
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}

/**
 * Lets every option of a command be given as an environment variable too, and as a file named by the variable with
 * `_FILE` behind it, for secrets. The command line comes first.
 */
export function withEnvironment(command: Command): Command {
  for (const option of command.options) {
    const name = environmentName(option);
    const file = process.env[`${name}_FILE`];
    if (file !== undefined && process.env[name] === undefined) {
      try {
        process.env[name] = readFileSync(file, 'utf8').trimEnd();
      } catch {
        throw new UsageError(`${name}_FILE names a file that cannot be read.`);
      }
    }
    option.env(name);
  }
  return command;
}

/** Reads a port number. */
export function readPort(value: string): number {
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port > 65_535) {
    throw new UsageError(`A port is a number from 0 to 65535, not "${value}".`);
  }
  return port;
}

/** Collects an option that may be repeated; a value from the environment is a list parted by white space. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
