import { type Command, Option } from 'commander';
import { databaseOption } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';
import { addLogOptions, type LogSettings } from '../options/log-options.js';
import { acceptWireOption, listOption, readPort } from '../options/values.js';

export interface ServeAuthServerOptions extends LogSettings {
  readonly issuer?: string;
  readonly port?: number;
  readonly host: string;
  readonly database: string;
  readonly policy?: string;
  readonly consent?: 'always' | 'never';
  readonly trust?: readonly string[];
  readonly migrate?: boolean;
  readonly user?: readonly string[];
  readonly acceptWire?: readonly string[];
  readonly insecureLoopback?: boolean;
  readonly sameOriginRedirects?: boolean;
  readonly trustedProxy?: readonly string[];
  readonly trace?: boolean;
  readonly managementPort?: number;
  readonly managementHost: string;
}

export function addServeAuthServer(serve: Command): void {
  const command = serve
    .command('auth-server')
    .description('sign-in, consent, grants and tokens')
    .option('--issuer <url>', 'server identifier; default http://127.0.0.1:PORT')
    .option('--port <n>', "port to listen on; default the loopback identifier's, or 8003", readPort)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(databaseOption())
    .option(
      '--no-migrate',
      'refuse to start on tables that are not up to date, instead of changing them',
    )
    .option('--policy <file>', 'rules for what is granted, asked and denied, and for exchanges')
    .addOption(
      new Option(
        '--consent <when>',
        'in place of a policy file: ask a person always (the default), or never (grant to whoever asks)',
      ).choices(['always', 'never']),
    )
    .addOption(
      listOption(
        '--trust <url>',
        'take tokens of this other auth server for exchange, where the policy has a rule (repeatable)',
      ),
    )
    .addOption(
      listOption(
        '--user <name:password>',
        'make this account (repeatable; for development only). COUNTERSIGN_USER holds one a line',
        { parted: 'lines' },
      ),
    )
    .addOption(acceptWireOption())
    .option('--insecure-loopback', 'accept plain http identifiers on loopback (development)')
    .option(
      '--same-origin-redirects',
      'let an agent that publishes no redirect_uris use its own origin',
    )
    .addOption(
      listOption(
        '--trusted-proxy <cidr>',
        'believe X-Forwarded-For, X-Request-Id and traceparent from this network (repeatable)',
      ),
    )
    .option(
      '--management-port <n>',
      'serve /healthz, /readyz and /metrics on this port of their own; not at all by default',
      readPort,
    )
    .option('--management-host <address>', 'address to serve them on', '127.0.0.1')
    .option('--trace', 'write every token request and answer to standard error, tokens included')
    .action(async (options: ServeAuthServerOptions) => {
      const { serveAuthServer } = await import('../serve/auth-server.js');
      await serveAuthServer(options);
    });
  addLogOptions(command);
  withEnvironment(command);
}
