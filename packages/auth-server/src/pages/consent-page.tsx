import { RequestRows } from './consent-request.js';
import type { ConsentView } from './consent-view.js';
import { hostOf, sameOrigin } from './display-address.js';
import { displayText, TEXT_LIMITS } from './display-text.js';
import { inWords, moment } from './display-time.js';
import { AGENT_AUTH_PATH, HiddenFields } from './form-fields.js';
import { type Page, renderPage } from './page.js';
import { AgentRow, Identifier, Row } from './parties.js';

/**
 * The page on which a person decides. Who asks, where, for what and what follows; then approve or deny, or sign in as
 * somebody else. Posts `action=approve`, `deny` or `switch-account`; the policy allows the answer to lead to the
 * request's redirect URI.
 */
export function consentPage(view: ConsentView): Page {
  return renderPage({
    status: 200,
    title: view.kind === 'access' ? 'Allow access?' : 'Sign in to an agent?',
    body: view.remembered === true ? <Remembered view={view} /> : <Question view={view} />,
    redirectUri: view.form.redirectUri,
  });
}

function Question({ view }: { view: ConsentView }) {
  return (
    <>
      <div>
        <h1>
          {view.kind === 'access' ? 'Allow access to ' : 'Sign in to '}
          <bdi dir="ltr">{hostOf(view.kind === 'access' ? view.resource.id : view.agent.id)}</bdi>?
        </h1>
        <p class="lead">
          {view.kind === 'access'
            ? 'An agent wants to act there in your name. Nothing is shared until you approve.'
            : 'It wants to know who you are. Nothing is shared until you approve.'}
        </p>
      </div>
      <div class="rows">
        <AgentRow agent={view.agent} />
        <WhereRow view={view} />
        <RequestRows view={view} />
        <NextRow view={view} />
      </div>
      <Decision view={view} approve="Approve" deny="Deny" />
    </>
  );
}

function Remembered({ view }: { view: ConsentView }) {
  return (
    <>
      <div>
        <h1>
          Continue to <bdi dir="ltr">{hostOf(view.form.redirectUri)}</bdi>?
        </h1>
        <p class="lead">You approved this before. Nothing new is asked for.</p>
      </div>
      <div class="rows">
        <AgentRow agent={view.agent} brief />
        <WhereRow view={view} />
        <RequestRows view={view} />
      </div>
      <Decision view={view} approve="Continue" deny="Cancel" />
    </>
  );
}

function WhereRow({ view }: { view: ConsentView }) {
  if (view.kind === 'sign-in') return null;
  return (
    <Row id="where" heading="Where">
      <Identifier id={view.resource.id} />
    </Row>
  );
}

/** What follows from each answer. Only what this server does: no promise on behalf of agent or resource. */
function NextRow({ view }: { view: ConsentView }) {
  const end = view.until === undefined ? undefined : moment(view.until);
  const lifetime = inWords(view.tokenLifetimeSeconds);
  return (
    <Row id="next" heading="What happens next">
      <ul class="next">
        <li>
          Either way you return to <bdi dir="ltr">{hostOf(view.form.redirectUri)}</bdi>
          {sameOrigin(view.form.redirectUri, view.agent.id)
            ? '.'
            : ', the address the agent registered for this.'}
        </li>
        {end === undefined ? (
          <li>Your approval lasts until it is revoked.</li>
        ) : (
          <li>
            Your approval lasts until <time datetime={end.iso}>{end.words}</time>, unless it is
            revoked earlier.
          </li>
        )}
        <li>
          {view.withdrawPath === undefined ? (
            'The operator of this server can revoke it for you.'
          ) : (
            <>
              You can <a href={view.withdrawPath}>revoke it yourself</a> on this server.
            </>
          )}{' '}
          Access already handed out ends within {lifetime} after that.
        </li>
      </ul>
    </Row>
  );
}

function Decision({ view, approve, deny }: { view: ConsentView; approve: string; deny: string }) {
  return (
    <form method="post" action={AGENT_AUTH_PATH} class="decision">
      <HiddenFields form={view.form} />
      <div class="choices two">
        <button type="submit" name="action" value="approve" class="button primary">
          {approve}
        </button>
        <button type="submit" name="action" value="deny" class="button">
          {deny}
        </button>
      </div>
      <SignedInAs account={view.account} />
    </form>
  );
}

/** Whose account this is, and the button to use another. Belongs inside a form. */
export function SignedInAs({ account }: { account: string }) {
  return (
    <p class="account">
      <span>
        Signed in as{' '}
        <strong>
          <bdi>{displayText(account, TEXT_LIMITS.detail)}</bdi>
        </strong>
      </span>
      <button type="submit" name="action" value="switch-account" class="plain">
        Use another account
      </button>
    </p>
  );
}
