import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** Another process with a store of its own on the same database. */
export interface Worker {
  ask(task: 'key' | 'approve' | 'redeem' | 'claim'): Promise<unknown[]>;
  stop(): Promise<void>;
  /** Without a chance to put anything in order. */
  kill(): Promise<void>;
}

type Reply = { readonly answer: unknown[] } | { readonly error: string };

/** Starts a process that has loaded the sources and not yet opened the database. */
export async function startWorker(url: string, name: string): Promise<Worker> {
  const script = new URL('./worker-process.mjs', import.meta.url);
  const child = fork(script, [url, name], { execArgv: [], stdio: 'inherit' });
  await reply(child);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  return {
    ask: (task) => {
      child.send(task);
      return reply(child);
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function reply(child: ChildProcess): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the worker ended without an answer'));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      const result = message as Reply;
      if ('error' in result) reject(new Error(result.error));
      else resolve(result.answer);
    });
  });
}
