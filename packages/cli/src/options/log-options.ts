import { type Command, Option } from 'commander';

/** How a server logs. */
export interface LogSettings {
  readonly log: 'text' | 'json';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** `--log` and `--log-level`. */
export function addLogOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--log <format>',
        'what is written to standard error: text, or a JSON object a line',
      )
        .choices(['text', 'json'])
        .default('text'),
    )
    .addOption(
      new Option('--log-level <level>', 'the least that is written')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
}
