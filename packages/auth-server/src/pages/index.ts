/** The pages that people see at the auth server: pure functions from what is known to a {@link Page}. */
export { consentPage } from './consent-page.js';
export type {
  AccessConsentView,
  ConsentView,
  IdentityShare,
  ScopeView,
  SignInConsentView,
} from './consent-view.js';
export { type DetailLines, detailLines, MAX_DETAIL_LINES } from './detail-lines.js';
export { displayName, displayText, TEXT_LIMITS } from './display-text.js';
export { AGENT_AUTH_PATH, type FormFields, type RequestLink, requestPath } from './form-fields.js';
export { type Message, type MessageOptions, messagePage } from './message-page.js';
export { type Page, pageAnswer } from './page.js';
export type { AgentView, ResourceView } from './parties.js';
export { callbackSource, contentSecurityPolicy, pageHeaders } from './security-headers.js';
export { signInPage, type SignInProblem, type SignInView } from './sign-in-page.js';
