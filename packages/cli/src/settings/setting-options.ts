import { type Command, Option } from 'commander';
import type { AnySetting } from './setting.js';
import { variableOf } from './setting.js';

/** Adds an option for each setting. Values are checked later, with those of variables and of the file. */
export function addSettingOptions(
  command: Command,
  settings: Readonly<Record<string, AnySetting>>,
): void {
  for (const { flags, description, spelling, default: standard } of Object.values(settings)) {
    const shown =
      standard === undefined || typeof standard === 'boolean'
        ? description
        : `${description} (default: ${JSON.stringify(standard).replaceAll('"', '')})`;
    const option = new Option(flags, shown);
    if (spelling === 'words' || spelling === 'lines') {
      option.argParser((value: string, previous?: readonly string[]) => [
        ...(previous ?? []),
        value,
      ]);
    }
    command.addOption(option);
  }
  command.addHelpText(
    'after',
    `\nEvery option is a variable too, --same-origin-redirects for instance ${variableOf('sameOriginRedirects')}, and with _FILE\n` +
      'behind its name it names a file with the value. In the configuration file, YAML or JSON, it is\n' +
      'sameOriginRedirects. The command line comes first, then variables, then the file.',
  );
}
