import type { DatabaseFacts } from '@countersign/auth-server';
import type { AllGiven } from './given.js';
import type { AnySetting } from './setting.js';

export interface InsecureSetting {
  /** To be said at the start. */
  readonly warning: string;
  /** Why production does without. */
  readonly refusal: string;
}

/** The settings whose values are not for production, as they were given. */
export function insecureOnes(
  settings: Readonly<Record<string, AnySetting>>,
  values: Readonly<Record<string, unknown>>,
  given: AllGiven,
): readonly InsecureSetting[] {
  return Object.entries(settings).flatMap(([name, { insecure }]) => {
    const one = given.get(name);
    const value = values[name];
    if (insecure === undefined || one === undefined || value === undefined) return [];
    if (!insecure.when(value)) return [];
    const said = `${one.where}${value === true || typeof value !== 'string' ? '' : ` ${plain(value)}`}`;
    return [
      {
        warning: `${said} ${insecure.warning}`,
        refusal: `${said} ${insecure.warning} For production, ${insecure.instead}.`,
      },
    ];
  });
}

/** Words such as `never`; what else a value is, a URL for instance, may hold a secret. */
function plain(value: string): string {
  return /^[a-z0-9-]{1,20}$/.test(value) ? value : '';
}

/** The same for a database, which is to be judged by more than the text of its URL. */
export function insecureDatabase(
  { lasting, protected: isProtected, exposedFile }: DatabaseFacts,
  where: string,
): readonly InsecureSetting[] {
  if (exposedFile !== undefined) {
    const said = `${exposedFile} holds password hashes and signing keys, and other accounts of this machine may use it`;
    return [
      {
        warning: `${said}: chmod 600 ${exposedFile}`,
        refusal: `${said}: chmod 600 ${exposedFile}`,
      },
    ];
  }
  if (lasting && isProtected) return [];
  const [warning, instead] = lasting
    ? [
        'reaches another machine over a connection that is not encrypted or not verified.',
        'leave sslmode out of the URL, and name a private CA in sslrootcert',
      ]
    : ['is in memory and gone when the server stops.', 'name a file, or a PostgreSQL database'];
  return [
    { warning: `${where} ${warning}`, refusal: `${where} ${warning} For production, ${instead}.` },
  ];
}
