import { jsonRows } from '../json-rows.js';
import { identify } from '../remote-table.js';
import type { Changes, RemoteColumn, RemoteCommit, RowHistory } from '../row-source.js';
import { chunkProducers } from './chunk-producers.js';
import type { StatementClient } from './statement-client.js';
import { warehouseColumn } from './warehouse-columns.js';

export interface WarehouseHistoryOptions {
  readonly client: StatementClient;
  /** Full name of the source table, for messages. */
  readonly tableName: string;
  /** Quoted name there. */
  readonly name: string;
  readonly columns: (version: bigint) => Promise<readonly RemoteColumn[]>;
}

/**
 * Operations after which a column may be another one than the one that had its name before, so that rows that nobody wrote
 * have other values. What any operation did to rows is given exactly.
 */
const INEXACT = /COLUMN|REPLACE|CLONE|CONVERT|UNKNOWN/;
const EXACT = /^(?:ADD COLUMNS?|CHANGE COLUMNS?|UPDATE COLUMN METADATA)$/;

/** The history of a Delta table that a SQL warehouse reads. */
export function warehouseHistory({ client, tableName, name, columns }: WarehouseHistoryOptions): RowHistory {
  async function newest(count: bigint): Promise<RemoteCommit[]> {
    return (await client.records(`describe history ${name} limit ${count}`, tableName)).flatMap(commitOf);
  }

  async function countOf(from: string, signal?: AbortSignal): Promise<bigint> {
    const [row] = await client.rows(`select cast(count(*) as string) from ${from}`, tableName, signal);
    return BigInt(row?.[0] ?? 0);
  }

  return {
    newest: async () => (await newest(1n))[0] ?? null,
    async commits(first, last) {
      // The newest come first, and there is no other way to bound them.
      const [found] = await newest(1n);
      const count = found === undefined ? 0n : found.version - first + 1n;
      if (count <= 0n) return [];
      const commits = found && count === 1n ? [found] : await newest(count);
      return commits.filter(({ version }) => version >= first && version <= last).reverse();
    },
    isExact: (operation) => EXACT.test(operation) || !INEXACT.test(operation),
    columns,
    countRows: (version) => countOf(`${name} version as of ${version}`),
    changes({ from, to }, asked): Changes {
      const wanted = [...asked, ...CHANGE_COLUMNS];
      // Both ends are read.
      const changes = `table_changes(${literal(name)}, ${from + 1n}, ${to})`;
      const statement = `select ${wanted.map((column) => column.asked).join(', ')} from ${changes}`;
      return {
        columns: wanted,
        scan: {
          format: jsonRows,
          begin: () => chunkProducers((signal) => client.run(statement, tableName, signal), 1),
          [Symbol.asyncDispose]: async () => {},
        },
        count: (signal) => countOf(changes, signal),
      };
    },
  };
}

function commitOf(record: Readonly<Record<string, string | null>>): RemoteCommit[] {
  const { version, timestamp, operation } = record;
  if (version == null) return [];
  // A time that is not above that of the commit before is given as if it were; not so for the first that is listed.
  const told = Object.entries(record).flatMap(([name, value]) => {
    return value === null ? [] : [`${name} ${sortedText(value)}`];
  });
  return [
    {
      version: BigInt(version),
      committedAtMs: Date.parse(timestamp ?? '') || null,
      operation: operation ?? 'UNKNOWN',
      identity: identify(...told.sort()),
    },
  ];
}

/** Maps come in any order. */
function sortedText(text: string): string {
  return text.startsWith('{') ? text.slice(1, -1).split(',').sort().join() : text;
}

/** A text in the SQL of Databricks. */
function literal(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const CHANGE_COLUMNS: readonly RemoteColumn[] = [
  warehouseColumn({ name: '_change_type', typeText: 'STRING' }),
  warehouseColumn({ name: '_commit_version', typeText: 'BIGINT' }),
  warehouseColumn({ name: '_commit_timestamp', typeText: 'TIMESTAMP' }),
];
