import type pg from 'pg';

/** `query` of a client, as it is called in all its forms. */
export type Query = (...given: readonly unknown[]) => Promise<unknown>;

/**
 * Sends statements that have a name without it from now on: the session in which a named one was prepared may not be that of the
 * next transaction.
 */
export function forgetStatementNames(client: pg.ClientBase): void {
  const query = client.query.bind(client) as unknown as Query;
  const unnamed: Query = (first, ...rest) => query(withoutName(first), ...rest);
  client.query = unnamed as unknown as typeof client.query;
}

function withoutName(statement: unknown): unknown {
  if (typeof statement !== 'object' || statement === null || 'submit' in statement) return statement;
  return { ...statement, name: undefined };
}
