import { AAuthError } from '@countersign/protocol';

/**
 * Code `access_denied`: the agent server issues no agent token to this delegate, which has been revoked or was never
 * enrolled there. Trying again makes no sense; its operator has to enrol it anew.
 */
export class DelegateRefusedError extends AAuthError {
  readonly agentServer: string;
  readonly delegate: string;

  constructor(agentServer: string, delegate: string, detail?: string) {
    super(
      'access_denied',
      `The agent server ${agentServer} gives no agent token to the delegate ${delegate}: it has been revoked there, ` +
        'or its enrolment secret is not the right one. Ask its operator for a new secret.',
      {
        rule: 'delegate_refused',
        refusedBy: 'agent-server',
        ...(detail === undefined ? {} : { detail }),
      },
    );
    this.agentServer = agentServer;
    this.delegate = delegate;
  }
}

/** True when an agent server has refused the delegate for good. */
export function isDelegateRefused(error: unknown): error is DelegateRefusedError {
  return error instanceof DelegateRefusedError;
}
