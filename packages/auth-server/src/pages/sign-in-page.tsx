import { hostOf } from './display-address.js';
import { inWords } from './display-time.js';
import { AGENT_AUTH_PATH, type FormFields, HiddenFields } from './form-fields.js';
import { type Page, renderPage } from './page.js';
import { type AgentView, NameClaim, type ResourceView } from './parties.js';

/** Why the last attempt did not succeed. One and the same for an unknown user and a wrong password. */
export type SignInProblem =
  | { readonly kind: 'wrong-credentials' }
  | { readonly kind: 'too-many-attempts'; readonly retryAfterSeconds: number };

export interface SignInView {
  readonly agent: AgentView;
  /** Absent when the person is to sign in to the agent itself. */
  readonly resource?: ResourceView | undefined;
  readonly form: FormFields;
  readonly problem?: SignInProblem | undefined;
  /** What was typed before, so that it need not be typed again. */
  readonly username?: string | undefined;
}

/**
 * The page that asks for username and password, and says for whom. Posts `username`, `password`, `action=sign-in`.
 * 200; 403 after wrong credentials; 429 with `Retry-After` after too many.
 */
export function signInPage(view: SignInView): Page {
  const retryAfterSeconds =
    view.problem?.kind === 'too-many-attempts' ? view.problem.retryAfterSeconds : undefined;
  return renderPage({
    status: statusOf(view.problem),
    title: view.problem === undefined ? 'Sign in' : 'Sign-in did not succeed',
    body: <SignIn view={view} />,
    retryAfterSeconds,
  });
}

function statusOf(problem: SignInProblem | undefined): number {
  switch (problem?.kind) {
    case undefined:
      return 200;
    case 'wrong-credentials':
      return 403;
    case 'too-many-attempts':
      return 429;
  }
}

function problemText(problem: SignInProblem): string {
  switch (problem.kind) {
    case 'wrong-credentials':
      return 'The username or the password is not right. Please try again.';
    case 'too-many-attempts':
      return `Too many attempts. Please wait ${inWords(problem.retryAfterSeconds)}, then try again.`;
  }
}

function SignIn({ view }: { view: SignInView }) {
  const { problem, username = '' } = view;
  const passwordFirst = problem !== undefined && username !== '';
  const described =
    problem === undefined
      ? {}
      : {
          'aria-describedby': 'problem',
          ...(problem.kind === 'wrong-credentials' ? { 'aria-invalid': 'true' as const } : {}),
        };
  return (
    <>
      <div>
        <h1>Sign in</h1>
        <Reason view={view} />
      </div>
      <NameClaim agent={view.agent} />
      {problem === undefined ? null : (
        <p class="alert" id="problem" role="alert">
          {problemText(problem)}
        </p>
      )}
      <form method="post" action={AGENT_AUTH_PATH} class="fields">
        <HiddenFields form={view.form} />
        <div class="field">
          <label for="username">Username</label>
          <input
            id="username"
            name="username"
            type="text"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={username}
            autofocus={!passwordFirst}
            {...described}
          />
        </div>
        <div class="field">
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            autofocus={passwordFirst}
            {...described}
          />
        </div>
        <button type="submit" name="action" value="sign-in" class="button primary">
          Sign in
        </button>
      </form>
    </>
  );
}

function Reason({ view: { agent, resource } }: { view: SignInView }) {
  return (
    <p class="lead">
      <strong>
        <bdi dir="ltr">{agent.id}</bdi>
      </strong>{' '}
      {resource === undefined ? (
        'asks you to sign in to it.'
      ) : (
        <>
          asks for access to{' '}
          <strong>
            <bdi dir="ltr">{hostOf(resource.id)}</bdi>
          </strong>{' '}
          on your behalf.
        </>
      )}{' '}
      You decide on the next page.
    </p>
  );
}
