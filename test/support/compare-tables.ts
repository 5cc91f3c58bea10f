import { Readable } from 'node:stream';
import type pg from 'pg';
import { expect } from 'vitest';
import { quoteIdentifier } from '../../src/core/names.js';
import type { TargetColumn } from '../../src/core/synced-table.js';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { type Cell, cellText } from './cell.js';
import { createTable } from './load-lake-table.js';

/** Rows of a difference that a failure shows. */
const SHOWN_ROWS_MAX = 3;

/** Creates a Postgres table and fills it with cells. */
export async function storeCells(
  client: pg.Client,
  target: string,
  columns: readonly TargetColumn[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  await createTable(client, target, columns);
  const lines = rows.map((row) => {
    const values = columns.map(({ field }, n) => copyField(cellText(field.type, row[n] ?? null)));
    return `${values.join('\t')}\n`;
  });
  const bytes = Readable.from(lines.length > 0 ? [Buffer.from(lines.join(''))] : []);
  await copyIn(client, `copy ${target} from stdin`, { bytes, finished: Promise.resolve(BigInt(rows.length)) });
}

/** A value of COPY's text format, every special character as its octal escape. */
function copyField(text: string | null): string {
  if (text === null) return '\\N';
  return text.replace(/[\\\n\r\t]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/**
 * Fails unless both tables hold the same rows, each the same number of times. Floats are compared by their text, which
 * tells -0 from 0 and knows NaN; jsonb by its value.
 */
export async function expectSameRows(
  client: pg.Client,
  actual: string,
  expected: string,
  columns: readonly TargetColumn[],
): Promise<void> {
  const values = columns.map(({ field, postgresType }) => {
    const name = quoteIdentifier(field.name);
    return postgresType === 'real' || postgresType === 'double precision' ? `${name}::text` : name;
  });
  const difference = async (some: string, others: string) => {
    const select = `select ${values.join(', ')} from`;
    const { rows } = await client.query<{ row: string }>(
      `select left(_difference::text, 2000) as row from (${select} ${some} except all ${select} ${others}) _difference limit ${SHOWN_ROWS_MAX}`,
    );
    return rows.map(({ row }) => row);
  };
  const [unexpected, missing] = [await difference(actual, expected), await difference(expected, actual)];
  expect({ unexpected, missing }).toEqual({ unexpected: [], missing: [] });
}
