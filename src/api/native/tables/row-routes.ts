import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { type RowRefusal, type RowRequest, readTableRows } from '../../../postgres/registry/api/table-rows.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { NATIVE_TAGS } from '../native-path.js';
import { requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import { LENGTH_MAX, ROWS_DEFAULT, ROWS_MAX, rowsInput, rowsReply, WHOLE_LENGTH_MAX } from './row-schema.js';

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
        isCurrent: body.current === true,
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
