import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { type RowRefusal, type RowRequest, readTableRows } from '../../../postgres/registry/api/table-rows.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { maybe } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import { requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';

const ROWS_MAX = 100;
const ROWS_DEFAULT = 50;
/** Characters of a value, unless one value is asked for. */
const LENGTH_MAX = 1_000;
const WHOLE_LENGTH_MAX = 1_000_000;

const column = z.string().max(63 * 4);

const rowsFields = z.object({
  limit: maybe(z.int().min(1).max(ROWS_MAX)),
  key: maybe(z.record(column, z.string().max(100_000))).describe(
    'Columns and the values, as texts, that rows have there',
  ),
  columns: maybe(z.array(column).min(1).max(1_600)).describe('Which columns; all unless given'),
  whole: maybe(z.boolean()).describe(`The first ${WHOLE_LENGTH_MAX} characters of values; for one column of one row`),
});

const rowsInput = rowsFields.nullish().transform((body): Partial<z.output<typeof rowsFields>> => body ?? {});

const rowsReply = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string(), is_key: z.boolean() })),
  rows: z.array(z.array(z.string().nullable())).describe('Values as Postgres writes them, sorted by the key'),
  cut: z
    .array(z.object({ row: z.int(), column: z.int() }))
    .describe(`Which values are longer than ${LENGTH_MAX} characters, and only begun here; counted from 0`),
});

/** A few rows of a table. A POST, since keys do not belong in addresses; changes nothing. */
export function addRowRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    `${TABLE_PATH}/rows`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: `Up to ${ROWS_MAX} rows of a table, or those with a key, as the caller's role sees them`,
        params: tableParams,
        querystring: tableQuery,
        body: rowsInput,
        response: { 200: rowsReply },
      },
    },
    async (request) => {
      const { body, caller } = request;
      const { database, table } = await requireTable(context, request);
      if (!table.isServing) throw syncedTablesError('TABLE_NOT_SERVING', { target: table.sqlName });
      const columns = body.columns ?? null;
      const isWhole = body.whole === true;
      if (isWhole && columns?.length !== 1) {
        throw syncedTablesError('REQUEST_INVALID', {
          reason: 'whole: it is for one column of one row, which columns must name',
        });
      }
      const wanted: RowRequest = {
        schema: table.schema,
        table: table.table,
        keyColumns: table.keyColumns,
        where: body.key ?? {},
        columns,
        limit: isWhole ? 1 : (body.limit ?? ROWS_DEFAULT),
        lengthMax: isWhole ? WHOLE_LENGTH_MAX : LENGTH_MAX,
      };
      const found = await database.asCaller(caller, (client) => readTableRows(client, wanted));
      if ('kind' in found) throw refused(found, wanted, table.sqlName);
      const cut = found.rows.flatMap((row, nth) =>
        row.flatMap((value, place) => (isLonger(value, wanted.lengthMax) ? [{ row: nth, column: place }] : [])),
      );
      return {
        columns: found.columns.map(({ name, type, isKey }) => ({ name, type, is_key: isKey })),
        rows: found.rows.map((row) => row.map((value) => shortened(value, wanted.lengthMax))),
        cut,
      };
    },
  );
}

function refused(refusal: RowRefusal, { schema }: RowRequest, target: string) {
  if (refusal.kind === 'missing select') {
    const role = quoteIdentifier(refusal.role);
    return syncedTablesError('SELECT_MISSING', { role, target, schema: quoteIdentifier(schema) });
  }
  return syncedTablesError('REQUEST_INVALID', { reason: `"${refusal.column}" is no column of ${target}` });
}

/** Postgres counts characters, JavaScript halves of some of them. */
function isLonger(value: string | null, length: number): boolean {
  return value !== null && value.length > length && [...value].length > length;
}

function shortened(value: string | null, length: number): string | null {
  return value !== null && isLonger(value, length) ? [...value].slice(0, length).join('') : value;
}
