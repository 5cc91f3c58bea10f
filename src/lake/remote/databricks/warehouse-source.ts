import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { elementsOf, jsonRows } from '../json-rows.js';
import { identify } from '../remote-table.js';
import type { RemoteState, RowProducer, RowScan, RowSource } from '../row-source.js';
import type { StatementClient, StatementResult } from './statement-client.js';
import { quoteName, warehouseColumn } from './warehouse-columns.js';

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

/**
 * A table or view that a SQL warehouse of Databricks reads. Of a table with a history one version is read; of anything else,
 * what there is when the statement runs.
 */
export function warehouseSource(options: WarehouseSourceOptions): RowSource {
  const { client, uri, tableName, catalog, schema, table } = options;
  const name = [catalog, schema, table].map(quoteName).join('.');

  /** Null for what has no history, such as a view. */
  async function newest(): Promise<{ readonly version: bigint; readonly committedAtMs: number } | null> {
    try {
      const [newest] = await client.records(`describe history ${name} limit 1`, tableName);
      if (newest?.version == null) return null;
      return { version: BigInt(newest.version), committedAtMs: Date.parse(newest.timestamp ?? '') || 0 };
    } catch (error) {
      if (asSyncedTablesError(error)?.code === 'REMOTE_QUERY_FAILED') return null;
      throw error;
    }
  }

  const gone = (version: bigint) =>
    syncedTablesError('REMOTE_VERSION_GONE', { catalog: options.catalogName, version, table: tableName });

  return {
    details: { format: 'DATABRICKS', location: `${uri}/explore/data/${catalog}/${schema}/${table}` },
    async state(version): Promise<WarehouseState> {
      const found = await newest();
      const wanted = version ?? found?.version ?? null;
      const clause = found === null || wanted === null ? '' : ` version as of ${wanted}`;
      if (version !== undefined && found === null) throw gone(version);
      const select = `select * from ${name}${clause} limit 0`;
      const columns = await client.columns(select, tableName).catch((error: unknown) => {
        const isRefused = asSyncedTablesError(error)?.code === 'REMOTE_QUERY_FAILED';
        throw version !== undefined && isRefused ? gone(version) : error;
      });
      return {
        tableId: identify(uri, catalog, schema, table),
        columns: columns.map(warehouseColumn),
        version: found === null ? null : wanted,
        committedAtMs: found !== null && wanted === found.version ? found.committedAtMs : null,
        primaryKey: null,
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

/** One statement, whose chunks several fetch. */
function chunkProducers(run: (signal: AbortSignal) => Promise<StatementResult>, producersMax: number): RowProducer[] {
  let result: Promise<StatementResult> | null = null;
  let next = 0;
  const produce: RowProducer = async (sink, signal) => {
    result ??= run(signal);
    const { chunks, chunk } = await result;
    for (let index = next++; index < chunks; index = next++) {
      const bytes = Buffer.from(elementsOf(await chunk(index, signal)));
      if (bytes.byteLength > 0) await sink.append(bytes, bytes.byteLength);
    }
  };
  return Array.from({ length: producersMax }, () => produce);
}
