import { AsyncLocalStorage } from 'node:async_hooks';

const operators = new AsyncLocalStorage<string>();

/**
 * Does `work` in the name of somebody who administers: what it changes in a storage stands in the audit trail as theirs,
 * for as long as `work` and what it waits for last. The name is told, not proved; take it from what has signed them in.
 * Returns what `work` returns.
 */
export async function actingAs<T>(operator: string, work: () => Promise<T>): Promise<T> {
  return await operators.run(operator, work);
}

/** Who administers at this moment; nobody while a request is answered. */
export const currentOperator = (): string | undefined => operators.getStore();
