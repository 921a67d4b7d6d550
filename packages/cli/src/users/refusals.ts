/** What is said of an account that cannot be made. */
export const ACCOUNT_REFUSALS = {
  'username-invalid': 'That user name has characters that cannot be seen, or is too long.',
  'username-taken': 'That user name is taken.',
  'password-too-short': 'The password must have at least 8 characters.',
  'password-too-long': 'The password may have at most 1024 characters.',
  'password-hash-invalid':
    'The password hash must be one of argon2id, such as $argon2id$v=19$m=65536,t=3,p=1$…, with at most 256 MiB and ten passes.',
} as const;
