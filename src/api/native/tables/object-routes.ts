import { z } from 'zod';
import { readTableObjects, type TableObject } from '../../../postgres/registry/api/table-objects.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { exactNumber, exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import { requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';

const count = exactNumber.nullable();

const object = z.object({
  kind: z.enum([
    'TABLE',
    'PARTITION',
    'PRIMARY_KEY',
    'INDEX',
    'VIEW',
    'MATERIALIZED_VIEW',
    'FOREIGN_KEY',
    'FUNCTION',
    'OTHER',
    'PUBLICATION',
    'COMMENT',
    'GRANT',
    'MANAGER',
  ]),
  name: z.string(),
  definition: z.string().nullable().describe('The statement that makes it; null for what a sync makes'),
  size_bytes: count,
  is_valid: z.boolean().nullable(),
  scans: count.describe('How often an index was used since the last switch'),
  depth: z.number().nullable().describe('Of what depends on the table: 1, or more through views'),
  blocks_drop: z.boolean(),
  granted_by: z.string().nullable(),
  granted_at: z.string().nullable(),
});

const objectReply = z.object({
  size_bytes: count.describe('The whole table; null while there is none'),
  index_bytes: count,
  refreshes_merge: z
    .boolean()
    .describe('Whether a full copy is merged into the table instead of switched in, for a foreign key to it'),
  drop_refused_by: z.array(z.string()).describe('Names of what would have to go before the table can be dropped'),
  objects: z.array(object).describe('A refresh keeps all of them'),
});

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
