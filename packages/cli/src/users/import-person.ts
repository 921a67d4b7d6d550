import type { AccountToImport } from '@countersign/auth-server';
import type { ImportedPerson, Problem } from './import-file.js';

/** A person of an import file, as far as it could be read. */
export interface CheckedPerson {
  readonly account: Omit<AccountToImport, 'id' | 'subject'>;
  readonly problems: readonly Problem[];
  /** What is not there to be judged. */
  readonly missing: readonly ('username' | 'secret')[];
}

/** Checks the members of a person by themselves: whether they are there, and of the right kind. */
export function checkPerson({ line, members }: ImportedPerson): CheckedPerson {
  const problems: Problem[] = [];
  const missing: ('username' | 'secret')[] = [];
  const text = (name: string): string | undefined => {
    const value = members[name] ?? undefined;
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    problems.push({ line, text: `${name} must be a text, and not an empty one.` });
    return undefined;
  };
  const username = text('username');
  if (username === undefined) missing.push('username');
  if (members['username'] === undefined) problems.push({ line, text: 'username is missing.' });
  const [password, passwordHash] = [text('password'), text('passwordHash')];
  if ((password === undefined) === (passwordHash === undefined)) {
    missing.push('secret');
    const both = password !== undefined;
    problems.push({
      line,
      text: both
        ? 'it has a password and a passwordHash: one of them is enough.'
        : 'it has neither password nor passwordHash.',
    });
  }
  const name = text('name');
  if (name !== undefined && (name.length > 256 || /\p{Cc}/u.test(name))) {
    problems.push({ line, text: 'name must be at most 256 characters that can be seen.' });
  }
  const email = text('email');
  if (
    email !== undefined &&
    (email.length > 254 || !/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email))
  ) {
    problems.push({ line, text: 'email must be an address such as ann@people.example.' });
  }
  const emailVerified = members['emailVerified'] ?? undefined;
  if (emailVerified !== undefined && typeof emailVerified !== 'boolean') {
    problems.push({ line, text: 'emailVerified must be true or false.' });
  } else if (emailVerified === true && email === undefined) {
    problems.push({ line, text: 'emailVerified is true, and there is no email.' });
  }
  const secret = passwordHash === undefined ? { password: password ?? '' } : { passwordHash };
  const account = {
    username: username ?? '',
    secret,
    name,
    email,
    emailVerified: emailVerified === true,
  };
  return { account, problems, missing };
}
