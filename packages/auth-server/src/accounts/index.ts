export {
  type AccountRefusal,
  createAccount,
  type CreateAccountResult,
  type NewAccount,
  SIGN_IN_LIMITS,
  signIn,
  type SignInAttempt,
  type SignInResult,
} from './accounts.js';
export {
  type AccountToImport,
  checkAccounts,
  importAccounts,
  type ImportRefusal,
} from './import-accounts.js';
export { checkNewPassword, hashPassword, verifyPassword } from './password.js';
