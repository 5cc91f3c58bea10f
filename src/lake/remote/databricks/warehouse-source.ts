import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { jsonRows } from '../json-rows.js';
import { identify } from '../remote-table.js';
import type { RemoteColumn, RemoteCommit, RemoteState, RowScan, RowSource } from '../row-source.js';
import { chunkProducers } from './chunk-producers.js';
import type { StatementClient } from './statement-client.js';
import { quoteName, warehouseColumn } from './warehouse-columns.js';
import { warehouseHistory } from './warehouse-history.js';

export interface WarehouseSourceOptions {
  readonly client: StatementClient;
  readonly uri: string;
  /** Full name of the source table. */
  readonly tableName: string;
  /** Name of the catalog in the settings, for messages. */
  readonly catalogName: string;
  /** Name of the catalog in Databricks. */
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

interface WarehouseState extends RemoteState {
  /** What follows the name of the table. */
  readonly clause: string;
}

const NO_HISTORY = 'it has no history, as views have none';
const FEED_OFF = 'its change data feed is off';
/** In the JSON of a map. */
const FEED_ON = /"delta\.enableChangeDataFeed"\s*:\s*"true"/;

const WITHOUT_DETAIL: ReadonlySet<string> = new Set(['REMOTE_QUERY_FAILED', 'CATALOG_ACCESS_DENIED']);

const asOf = (version: bigint) => ` version as of ${version}`;

/**
 * A table or view that a SQL warehouse of Databricks reads. Of a table with a history one version is read; of anything else,
 * what there is when the statement runs.
 */
export function warehouseSource(options: WarehouseSourceOptions): RowSource {
  const { client, uri, tableName, catalog, schema, table } = options;
  const name = [catalog, schema, table].map(quoteName).join('.');

  async function columnsOf(clause: string): Promise<RemoteColumn[]> {
    const columns = await client.columns(`select * from ${name}${clause} limit 0`, tableName);
    return columns.map(warehouseColumn);
  }

  const history = warehouseHistory({ client, tableName, name, columns: (version) => columnsOf(asOf(version)) });

  /** Null for what has no history, such as a view. */
  async function newest(): Promise<RemoteCommit | null> {
    try {
      return await history.newest();
    } catch (error) {
      if (asSyncedTablesError(error)?.code === 'REMOTE_QUERY_FAILED') return null;
      throw error;
    }
  }

  /** The id of a Delta table, and whether its feed is on; null if there is nothing to be had. */
  async function detail(): Promise<{ readonly id: string; readonly hasFeed: boolean } | null> {
    try {
      const [found] = await client.records(`describe detail ${name}`, tableName);
      if (found?.id == null) return null;
      return { id: found.id, hasFeed: FEED_ON.test(found.properties ?? '') };
    } catch (error) {
      // Rows can be read without it.
      if (WITHOUT_DETAIL.has(asSyncedTablesError(error)?.code ?? '')) return null;
      throw error;
    }
  }

  const gone = (version: bigint) =>
    syncedTablesError('REMOTE_VERSION_GONE', { catalog: options.catalogName, version, table: tableName });

  return {
    history,
    details: { format: 'DATABRICKS', location: `${uri}/explore/data/${catalog}/${schema}/${table}` },
    async state(version): Promise<WarehouseState> {
      const found = await newest();
      const wanted = version ?? found?.version ?? null;
      const clause = found === null || wanted === null ? '' : asOf(wanted);
      if (version !== undefined && found === null) throw gone(version);
      const known = found === null ? null : await detail();
      const columns = await columnsOf(clause).catch((error: unknown) => {
        const isRefused = asSyncedTablesError(error)?.code === 'REMOTE_QUERY_FAILED';
        throw version !== undefined && isRefused ? gone(version) : error;
      });
      return {
        tableId: known?.id ?? identify(uri, catalog, schema, table),
        columns,
        version: found === null ? null : wanted,
        committedAtMs: found !== null && wanted === found.version ? found.committedAtMs : null,
        primaryKey: null,
        withoutChanges: found === null ? NO_HISTORY : known?.hasFeed === true ? null : FEED_OFF,
        clause,
      };
    },
    async scan(state, columns, producersMax): Promise<RowScan> {
      const { clause } = state as WarehouseState;
      const asked = columns.map((column) => column.asked).join(', ') || 'null';
      const statement = `select ${asked} from ${name}${clause}`;
      return {
        format: jsonRows,
        begin: () => chunkProducers((signal) => client.run(statement, tableName, signal), producersMax),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}
