import type { Child } from 'hono/jsx';
import type { ConsentView, IdentityShare, ScopeView } from './consent-view.js';
import { detailLines } from './detail-lines.js';
import { hostOf } from './display-address.js';
import { displayText, TEXT_LIMITS } from './display-text.js';
import { Row } from './parties.js';

/** Who defines what is asked for, and so whose words describe it. */
function speaker(view: ConsentView): string {
  return hostOf(view.kind === 'access' ? view.resource.id : view.agent.id);
}

/** Words that are not this server's, and whose they are. */
function Quote({ from, children }: { from: string; children?: Child }) {
  return (
    <figure class="quote">
      <figcaption>
        <bdi dir="ltr">{from}</bdi> says:
      </figcaption>
      {children}
    </figure>
  );
}

/** What is asked for: scopes in the words of whoever defines them, what was approved before marked by this server. */
export function RequestRows({ view }: { view: ConsentView }) {
  const from = speaker(view);
  const scopes = view.scopes ?? [];
  return (
    <>
      {view.kind === 'sign-in' && view.identity.length > 0 ? (
        <IdentityRow shares={view.identity} />
      ) : null}
      {scopes.length > 0 || (view.kind === 'access' && (view.details ?? []).length === 0) ? (
        <Row id="what" heading="What for">
          {scopes.length > 0 ? (
            <Scopes scopes={scopes} from={from} />
          ) : (
            <p class="note">The request names no scope.</p>
          )}
        </Row>
      ) : null}
      <PurposeRow view={view} from={from} />
    </>
  );
}

function Scopes({ scopes, from }: { scopes: readonly ScopeView[]; from: string }) {
  const fresh = scopes.filter((scope) => !scope.granted);
  const granted = scopes.filter((scope) => scope.granted);
  if (granted.length === 0) return <ScopeList scopes={fresh} from={from} />;
  return (
    <>
      {fresh.length === 0 ? null : (
        <div class="group fresh">
          <h3>New</h3>
          <ScopeList scopes={fresh} from={from} />
        </div>
      )}
      <div class="group">
        <h3>Already approved by you</h3>
        <ScopeList scopes={granted} from={from} />
      </div>
    </>
  );
}

function ScopeList({ scopes, from }: { scopes: readonly ScopeView[]; from: string }) {
  return (
    <Quote from={from}>
      <ul class="items">
        {scopes.map((scope) => (
          <li>
            <Scope scope={scope} />
          </li>
        ))}
      </ul>
    </Quote>
  );
}

function Scope({ scope }: { scope: ScopeView }) {
  const name = displayText(scope.name, TEXT_LIMITS.scope);
  const description = displayText(scope.description, TEXT_LIMITS.description);
  if (description === '') {
    return (
      <code class="alone">
        <bdi>{name}</bdi>
      </code>
    );
  }
  return (
    <>
      <blockquote>
        <bdi>{description}</bdi>
      </blockquote>
      <code>
        <bdi>{name}</bdi>
      </code>
    </>
  );
}

const SHARED: Record<IdentityShare['scope'], string> = {
  openid: 'A permanent identifier that stands for you',
  profile: 'Your name',
  email: 'Your email address',
};

function IdentityRow({ shares }: { shares: readonly IdentityShare[] }) {
  return (
    <Row id="identity" heading="What it learns">
      <ul class="items">
        {shares.map(({ scope, value }) => {
          const own = displayText(value, TEXT_LIMITS.detail);
          return (
            <li>
              {SHARED[scope]}
              {own === '' ? null : (
                <>
                  : <bdi class="own">{own}</bdi>
                </>
              )}
            </li>
          );
        })}
      </ul>
    </Row>
  );
}

function PurposeRow({ view, from }: { view: ConsentView; from: string }) {
  const purpose = displayText(view.purpose, TEXT_LIMITS.purpose);
  const description = displayText(view.description, TEXT_LIMITS.purpose);
  const details = view.details ?? [];
  if (purpose === '' && description === '' && details.length === 0) return null;
  const { groups, complete } = detailLines(details);
  return (
    <Row id="purpose" heading={details.length === 0 ? 'Why' : 'In detail'}>
      <Quote from={from}>
        {purpose === '' ? null : (
          <blockquote>
            <bdi>{purpose}</bdi>
          </blockquote>
        )}
        {description === '' ? null : (
          <blockquote>
            <bdi>{description}</bdi>
          </blockquote>
        )}
        {groups.map((lines) => (
          <dl class="details">
            {lines.map(({ label, value }) => (
              <>
                <dt>
                  <bdi>{label === '' ? 'value' : label}</bdi>
                </dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </>
            ))}
          </dl>
        ))}
      </Quote>
      {complete ? null : (
        <p class="warning">
          There is more than can be shown here, and approving means all of it. If in doubt, deny.
        </p>
      )}
    </Row>
  );
}
