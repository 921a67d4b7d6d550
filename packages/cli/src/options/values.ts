import { InvalidArgumentError, Option } from 'commander';
import type { Wire } from '@countersign/httpsig';

const PORT = /^\d{1,5}$/;

/** A port to serve on, which others must know. */
export function readPort(value: string): number {
  const port = Number(value);
  if (!PORT.test(value) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  }
  return port;
}

/** A port to listen on for oneself; 0 is any free one. */
export function readListenPort(value: string): number {
  return value === '0' ? 0 : readPort(value);
}

const DAY = 86_400;

/** How long to wait. */
export function readSeconds(value: string): number {
  const seconds = Number(value);
  if (!/^\d{1,5}$/.test(value) || seconds < 1 || seconds > DAY) {
    throw new InvalidArgumentError(`Give whole seconds, from 1 to ${DAY}.`);
  }
  return seconds;
}

/**
 * An option that may be repeated. One value, and so the environment variable, may also hold several: parted by white
 * space or commas, or by line ends alone where a value may have spaces in it.
 */
export function listOption(
  flags: string,
  description: string,
  settings: {
    readonly parted?: 'white-space' | 'lines';
    readonly check?: (one: string) => void;
  } = {},
): Option {
  const { parted = 'white-space', check } = settings;
  const separator = parted === 'lines' ? /[\r\n]+/ : /[\s,]+/;
  return new Option(flags, description).argParser(
    (value: string, previous?: readonly string[]): readonly string[] => {
      const given = value.split(separator).filter((one) => one !== '');
      for (const one of given) check?.(one);
      return [...(previous ?? []), ...given];
    },
  );
}

const WIRES: readonly Wire[] = ['rfc9421', '2026-02', '2026-01'];

/** `--wire`: how signatures are written. */
export const wireOption = (): Option =>
  new Option('--wire <wire>', 'signature encoding').choices(WIRES).default('rfc9421');

/** `--accept-wire`: what else is verified. */
export const acceptWireOption = (): Option =>
  listOption('--accept-wire <wire>', 'also verify this older signature encoding: 2026-01', {
    check: (one) => {
      if (!WIRES.some((wire) => wire === one)) {
        throw new InvalidArgumentError(`Allowed choices are ${WIRES.join(', ')}.`);
      }
    },
  });
