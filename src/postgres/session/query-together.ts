import type pg from 'pg';

/** The rows that a statement returned, as texts. */
export type Answer = readonly (readonly (string | null)[])[];

/**
 * Sends several statements in one round trip, and returns their results in order. They end at the first that fails.
 * Outside a transaction block they are one transaction. Values have to be literals (`pg.escapeLiteral`), so this is for
 * statements of ours alone: see `singleStatement` for text that contains others' SQL.
 */
export async function queryTogether(client: pg.Client, statements: readonly string[]): Promise<pg.QueryResult[]> {
  const results: unknown = await client.query(statements.join('; '));
  return Array.isArray(results) ? results : [results as pg.QueryResult];
}

/** The rows of each of several statements that has some, as texts: what `copyIn` returns for those after a COPY. */
export async function answersOf(client: pg.Client, text: string): Promise<Answer[]> {
  const results: unknown = await client.query({ text, rowMode: 'array' });
  const all: pg.QueryArrayResult<(string | null)[]>[] = Array.isArray(results) ? results : [results];
  return all.flatMap(({ rows, fields }) => (fields.length === 0 ? [] : [rows]));
}
