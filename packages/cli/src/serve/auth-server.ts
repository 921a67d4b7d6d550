import { openLog } from '../observability/log.js';
import { readAuthServerSettings } from '../settings/read-auth-server-settings.js';
import { note } from '../terminal.js';
import { openAuthServer } from './auth-server-party.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `countersign serve auth-server`, with what stands on the command line. */
export async function serveAuthServer(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const configuration = await readAuthServerSettings(flags);
  if (flags.printConfig === true) {
    const { printConfiguration } = await import('../settings/print-configuration.js');
    process.stdout.write(printConfiguration(configuration));
    return;
  }
  const { values, port, warnings } = configuration;
  const log = await openLog({ format: values.log, level: values.logLevel });
  const start = async () => {
    for (const warning of warnings) note(`WARNING: ${warning}`);
    return await openAuthServer(configuration, log);
  };
  await serveUntilStopped({
    host: values.host,
    port,
    log,
    ownLines: values.log === 'json',
    start,
  });
}
