import type { Child } from 'hono/jsx';
import { offeredLink } from './display-address.js';
import { displayName, displayText, resemblesAddress, TEXT_LIMITS } from './display-text.js';

/** Who asks. `id` has been verified; everything else is what the agent says of itself. */
export interface AgentView {
  /** The server identifier, byte for byte. */
  readonly id: string;
  readonly name?: string | undefined;
  readonly homepage?: string | undefined;
  readonly policyUri?: string | undefined;
  readonly tosUri?: string | undefined;
  /** The delegate's `sub`, when a delegate signed the request. */
  readonly delegate?: string | undefined;
}

/** Where access is asked for. */
export interface ResourceView {
  /** The server identifier, byte for byte. */
  readonly id: string;
}

/** A heading with what belongs to it: one part of the question a person is asked. */
export function Row({ id, heading, children }: { id: string; heading: string; children?: Child }) {
  return (
    <section class="row" aria-labelledby={id}>
      <h2 id={id}>{heading}</h2>
      <div>{children}</div>
    </section>
  );
}

/** An identifier as it was verified: whole, as given, and laid out from left to right whatever surrounds it. */
export function Identifier({ id }: { id: string }) {
  return (
    <p class="identifier">
      <bdi dir="ltr">{id}</bdi>
    </p>
  );
}

/** The agent: its identifier first, and set apart below it, what it says of itself. */
export function AgentRow({ agent, brief = false }: { agent: AgentView; brief?: boolean }) {
  const name = displayName(agent.name);
  const links = brief ? [] : agentLinks(agent);
  return (
    <Row id="who" heading="Who asks">
      <Identifier id={agent.id} />
      {agent.delegate === undefined ? null : (
        <p class="note">
          Through its delegate <bdi>{displayText(agent.delegate, TEXT_LIMITS.detail)}</bdi>
        </p>
      )}
      {name === undefined && links.length === 0 ? null : (
        <div class="claim">
          <CallsItself name={name} />
          {links.length === 0 ? null : (
            <ul class="links" aria-label="Pages it offers">
              {links.map(({ label, href }) => (
                <li>
                  <a href={href} target="_blank" rel="noopener noreferrer nofollow">
                    {label}
                  </a>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      <AddressWarning name={name} />
    </Row>
  );
}

function CallsItself({ name }: { name: string | undefined }) {
  if (name === undefined) return null;
  return (
    <p>
      <span class="label">It calls itself</span> “<bdi>{name}</bdi>”
    </p>
  );
}

function AddressWarning({ name }: { name: string | undefined }) {
  if (name === undefined || !resemblesAddress(name)) return null;
  return (
    <p class="warning">That name reads like an address. The agent’s address is the one above.</p>
  );
}

/** The agent's name alone, set apart as its own words. */
export function NameClaim({ agent }: { agent: AgentView }) {
  const name = displayName(agent.name);
  if (name === undefined) return null;
  return (
    <>
      <div class="claim">
        <CallsItself name={name} />
      </div>
      <AddressWarning name={name} />
    </>
  );
}

function agentLinks(agent: AgentView): { label: string; href: string }[] {
  return [
    { label: 'Homepage', href: offeredLink(agent.homepage) },
    { label: 'Privacy policy', href: offeredLink(agent.policyUri) },
    { label: 'Terms of service', href: offeredLink(agent.tosUri) },
  ].filter((link): link is { label: string; href: string } => link.href !== undefined);
}
