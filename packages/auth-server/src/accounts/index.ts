export {
  type AccountRefusal,
  checkNewPassword,
  createAccount,
  type CreateAccountResult,
  type NewAccount,
  SIGN_IN_LIMITS,
  signIn,
  type SignInAttempt,
  type SignInResult,
} from './accounts.js';
export { hashPassword, verifyPassword } from './password.js';
