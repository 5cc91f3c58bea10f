import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { jsonRows } from '../json-rows.js';
import { identify } from '../remote-table.js';
import type { RemoteColumn, RemoteState, RowProducer, RowScan, RowSource } from '../row-source.js';
import { fileRanges } from './file-ranges.js';
import type { TrinoClient } from './trino-client.js';
import { trinoColumn } from './trino-columns.js';
import { trinoHistory } from './trino-history.js';

export interface TrinoSourceOptions {
  readonly client: TrinoClient;
  readonly uri: string;
  /** Full name of the source table. */
  readonly tableName: string;
  /** Name of the catalog in the settings, for messages. */
  readonly catalogName: string;
  /** Name of the catalog in Trino. */
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** A state that can be asked for again. */
interface Pinned {
  readonly version: bigint | null;
  readonly committedAtMs: number | null;
  /** Tells states apart where versions do not. */
  readonly bookmark?: string;
  /** What follows the name of the table. */
  readonly clause: string;
  /** See `RemoteState.withoutChanges`. */
  readonly withoutChanges: string | null;
}

interface TrinoState extends RemoteState {
  readonly clause: string;
}

const unpinned = (withoutChanges: string): Pinned => {
  return { version: null, committedAtMs: null, clause: '', withoutChanges };
};
const NO_TABLE = 'it is a view, of which no changes are recorded';
const FEED_OFF = 'its change data feed is off';
const ICEBERG = 'of Iceberg tables Trino gives none';

/**
 * A table or view that a Trino reads. Of a Delta or an Iceberg table, one version is read; of anything else, what there is when the
 * query runs.
 */
export function trinoSource(options: TrinoSourceOptions): RowSource {
  const { client, uri, tableName, catalog, schema, table } = options;
  const name = [catalog, schema, table].map(quoteIdentifier).join('.');

  async function columnsOf(clause: string): Promise<readonly RemoteColumn[]> {
    let found: readonly RemoteColumn[] = [];
    // To its end, or it would count as canceled.
    for await (const { columns } of client.run(`select * from ${name}${clause} limit 0`, tableName)) {
      if (columns !== null) found = columns.map(trinoColumn);
    }
    return found;
  }

  return {
    history: trinoHistory({ ...options, columns: columnsOf }),
    details: { format: 'TRINO', location: `${uri}/${catalog}/${schema}/${table}` },
    async state(version): Promise<TrinoState> {
      const { clause, ...pinned } = await pin(options, version);
      if (version !== undefined && pinned.version !== version) {
        throw syncedTablesError('REMOTE_VERSION_GONE', { catalog: options.catalogName, version, table: tableName });
      }
      return {
        tableId: identify(uri, catalog, schema, table),
        columns: await columnsOf(clause),
        ...pinned,
        primaryKey: null,
        clause,
      };
    },
    async scan(state, columns, producersMax): Promise<RowScan> {
      const { clause } = state as TrinoState;
      const asked = columns.map((column) => column.asked).join(', ') || 'null';
      // What is not pinned would be another table for each statement.
      const ranges = clause === '' ? [''] : await fileRanges({ client, tableName, from: name + clause }, producersMax);
      const statements = ranges.map((range) => `select ${asked} from ${name}${clause}${range}`);
      return {
        format: jsonRows,
        begin: () =>
          statements.map((statement): RowProducer => {
            return (sink, signal) => client.send(statement, { table: tableName, sink, signal });
          }),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

/** The newest state, or the given version, of a table that has any. */
async function pin(options: TrinoSourceOptions, version?: bigint): Promise<Pinned> {
  const connector = await connectorOf(options);
  switch (connector) {
    case 'delta_lake': {
      const wanted = version === undefined ? '' : ` where version = ${version}`;
      const found = await lookUp(
        options,
        (beside) =>
          `select version, cast(to_unixtime("timestamp") * 1000 as bigint),
             (select max(value) from ${beside('$properties')} where key = 'delta.enableChangeDataFeed')
           from ${beside('$history')}${wanted} order by version desc limit 1`,
      );
      if (found === null) return unpinned(NO_TABLE);
      const [newest = '0', committedAtMs = null, feed = null] = found;
      return {
        version: BigInt(newest ?? 0),
        committedAtMs: committedAtMs === null ? null : Number(committedAtMs),
        clause: ` for version as of ${newest}`,
        withoutChanges: feed === 'true' ? null : FEED_OFF,
      };
    }
    case 'iceberg': {
      const found = await lookUp(
        options,
        (beside) => `select cast(snapshot_id as varchar) from ${beside('$refs')} where name = 'main'`,
      );
      const snapshot = found?.[0] ?? null;
      if (snapshot === null) return unpinned(NO_TABLE);
      const clause = ` for version as of ${snapshot}`;
      return { version: null, committedAtMs: null, bookmark: snapshot, clause, withoutChanges: ICEBERG };
    }
    default:
      return unpinned(`the connector ${connector ?? 'of its catalog'} records none`);
  }
}

async function connectorOf({ client, catalog, tableName }: TrinoSourceOptions): Promise<string | null> {
  const [row] = await client.rows(
    `select connector_name from system.metadata.catalogs where catalog_name = ${quoteLiteral(catalog)}`,
    tableName,
  );
  return row?.[0] ?? null;
}

/** The only row of a query about tables beside the table; null if it has none, as views have. */
async function lookUp(
  { client, catalog, schema, table, tableName }: TrinoSourceOptions,
  query: (beside: (suffix: string) => string) => string,
): Promise<(string | null)[] | null> {
  const [exists] = await client.rows(
    `select table_type from ${quoteIdentifier(catalog)}.information_schema.tables
      where table_schema = ${quoteLiteral(schema)} and table_name = ${quoteLiteral(table)}`,
    tableName,
  );
  if (exists?.[0] !== 'BASE TABLE') return null;
  const beside = (suffix: string) => [catalog, schema, table + suffix].map(quoteIdentifier).join('.');
  const [row] = await client.rows(query(beside), tableName);
  return row ?? null;
}
