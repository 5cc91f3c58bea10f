import type { z } from 'zod';
import { readTableObjects, type TableObject } from '../../../postgres/registry/api/table-objects.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import { objectReply } from './object-schema.js';
import { requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';

/** What hangs on a table in Postgres: for who administers the database. */
export function addObjectRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${TABLE_PATH}/objects`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'Indexes, dependents, rights, managers and sizes of a table, and what would refuse its deletion',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: objectReply },
      },
    },
    async (request) => {
      const { database, table } = await requireTable(context, request);
      return replyOf(await database.asService((client) => readTableObjects(client, table.sqlName)));
    },
  );
}

function replyOf(objects: readonly TableObject[]): z.output<typeof objectReply> {
  const bytesOf = (...kinds: TableObject['kind'][]) => {
    const sizes = objects.filter(({ kind }) => kinds.includes(kind)).flatMap((each) => toBigInt(each.size_bytes) ?? []);
    return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0n);
  };
  return {
    size_bytes: exactNumberOf(bytesOf('TABLE')),
    index_bytes: exactNumberOf(bytesOf('PRIMARY_KEY', 'INDEX')),
    refreshes_merge: objects.some(({ kind }) => kind === 'FOREIGN_KEY'),
    drop_refused_by: objects.filter((each) => each.blocks_drop).map(({ name }) => name),
    objects: objects.map((each) => ({
      ...each,
      size_bytes: exactNumberOf(toBigInt(each.size_bytes)),
      scans: exactNumberOf(toBigInt(each.scans)),
    })),
  };
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
