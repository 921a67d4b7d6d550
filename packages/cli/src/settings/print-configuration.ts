import { stringify } from 'yaml';
import type { AuthServerConfiguration } from './read-auth-server-settings.js';
import { authServerSettings } from './auth-server-settings.js';
import type { AnySetting } from './setting.js';

/**
 * The effective configuration as a configuration file: each setting with where its value comes from. What holds a secret
 * is shown without it and as a comment, so that the file can be used where the secret is given otherwise.
 */
export function printConfiguration({
  values,
  given,
  issuer,
  port,
}: AuthServerConfiguration): string {
  const effective: Readonly<Record<string, unknown>> = { ...values, issuer, port };
  const settings: Readonly<Record<string, AnySetting>> = authServerSettings;
  const lines = Object.entries(settings).map(([name, setting]) => {
    const one = given.get(name);
    const value = effective[name];
    if (value === undefined) return `# ${name}: not set`;
    const where = one === undefined ? 'default' : one.where;
    if (setting.secret === true) return `# ${name}: <secret>  # ${where}`;
    const shown = typeof value === 'string' ? (setting.show?.(value) ?? value) : value;
    const written = stringify({ [name]: shown }, { lineWidth: 0 }).trimEnd();
    const [first = '', ...rest] = written.split('\n');
    const text = [`${first}  # ${where}`, ...rest];
    return (shown === value ? text : text.map((line) => `# ${line}`)).join('\n');
  });
  return `${lines.join('\n')}\n`;
}
