import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { jsonRows } from '../json-rows.js';
import { identify } from '../remote-table.js';
import type { Changes, RemoteColumn, RemoteCommit, RowHistory, VersionRange } from '../row-source.js';
import type { TrinoClient } from './trino-client.js';
import { trinoColumn } from './trino-columns.js';

export interface TrinoHistoryOptions {
  readonly client: TrinoClient;
  /** Full name of the source table, for messages. */
  readonly tableName: string;
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: (clause: string) => Promise<readonly RemoteColumn[]>;
}

/**
 * What Trino gives of these is exact: it reads change files and, of commits that remove no file, the files that they add. Of
 * files that a RESTORE or a CLONE adds it would not see which rows are deleted; columns that another operation renames or
 * drops and makes anew would keep their values. Others change no rows.
 */
const EXACT: ReadonlySet<string> = new Set([
  'WRITE',
  'MERGE',
  'UPDATE',
  'DELETE',
  'TRUNCATE',
  'STREAMING UPDATE',
  'COPY INTO',
  'CREATE TABLE',
  'CREATE TABLE AS SELECT',
  'OPTIMIZE',
  'VACUUM START',
  'VACUUM END',
  'SET TBLPROPERTIES',
  'UNSET TBLPROPERTIES',
  'ADD COLUMN',
  'ADD COLUMNS',
  'ADD CONSTRAINT',
  'ADD FEATURE',
  'CHANGE COLUMN',
  'COMMENT',
  'COMPUTE STATS',
  'UPGRADE PROTOCOL',
]);

/** The history of a table of the connector for Delta Lake. */
export function trinoHistory(options: TrinoHistoryOptions): RowHistory {
  const { client, tableName, catalog, schema, table } = options;
  const name = [catalog, schema, table].map(quoteIdentifier).join('.');
  const history = [catalog, schema, `${table}$history`].map(quoteIdentifier).join('.');

  async function commitsWhere(condition: string): Promise<RemoteCommit[]> {
    const rows = await client.rows(
      `select version, cast(to_unixtime("timestamp") * 1000 as bigint), operation, read_version from ${history}${condition}`,
      tableName,
    );
    return rows.flatMap(([version, committedAtMs = null, operation, readVersion]) => {
      if (version == null) return [];
      return {
        version: BigInt(version),
        committedAtMs: committedAtMs === null ? null : Number(committedAtMs),
        operation: operation ?? 'an unknown operation',
        identity: identify(String(committedAtMs), operation ?? '', readVersion ?? ''),
      };
    });
  }

  async function countOf(from: string, signal?: AbortSignal): Promise<bigint> {
    const [row] = await client.rows(`select cast(count(*) as varchar) from ${from}`, tableName, signal);
    return BigInt(row?.[0] ?? 0);
  }

  return {
    repeatsInserts: true,
    newest: async () => (await commitsWhere(' order by version desc limit 1'))[0] ?? null,
    commits: (first, last) => commitsWhere(` where version between ${first} and ${last} order by version`),
    isExact: (operation) => EXACT.has(operation),
    columns: (version) => options.columns(` for version as of ${version}`),
    countRows: (version) => countOf(`${name} for version as of ${version}`),
    changes(range, columns): Changes {
      const wanted = [...columns, ...CHANGE_COLUMNS];
      const from = changesOf(options, range);
      const statement = `select ${wanted.map(({ asked }) => asked).join(', ')} from ${from}`;
      return {
        columns: wanted,
        scan: {
          format: jsonRows,
          begin: () => [(sink, signal) => client.send(statement, { table: tableName, sink, signal })],
          [Symbol.asyncDispose]: async () => {},
        },
        count: (signal) => countOf(from, signal),
      };
    },
  };
}

/** The function has no upper bound of its own. */
function changesOf({ catalog, schema, table }: TrinoHistoryOptions, { from, to }: VersionRange): string {
  const given = [
    `schema_name => ${quoteLiteral(schema)}`,
    `table_name => ${quoteLiteral(table)}`,
    // From the first version on without it.
    ...(from < 0n ? [] : [`since_version => ${from}`]),
  ];
  return `table(${quoteIdentifier(catalog)}.system.table_changes(${given.join(', ')})) where _commit_version <= ${to}`;
}

const CHANGE_COLUMNS: readonly RemoteColumn[] = [
  trinoColumn({ name: '_change_type', typeSignature: { rawType: 'varchar', arguments: [] } }),
  trinoColumn({ name: '_commit_version', typeSignature: { rawType: 'bigint', arguments: [] } }),
  trinoColumn({
    name: '_commit_timestamp',
    typeSignature: { rawType: 'timestamp with time zone', arguments: [{ number: 3, name: null, type: null }] },
  }),
];
