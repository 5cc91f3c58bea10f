import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../core/names.js';
import type { SyncedTable } from '../core/synced-table.js';
import { wholeCopy } from '../lake/copy-parts.js';
import { openCopyStream } from '../lake/engine/copy-stream.js';
import type { LakeTable } from '../lake/lake-table.js';
import { copyIn } from '../postgres/copy-in.js';
import { inTransaction } from '../postgres/session.js';
import { columnDefinitions, identifierList } from '../postgres/shadow-table.js';
import { tableRead } from './load-shadow.js';
import { planTarget } from './plan-target.js';

/** The outcome of comparing a synced table with its source at the version that it reflects. */
export interface Verification {
  readonly version: bigint | null;
  readonly sourceRows: bigint;
  readonly targetRows: bigint;
  /** Rows of the source that the table lacks or has otherwise. */
  readonly missingRows: bigint;
  /** Rows of the table that the source lacks or has otherwise. */
  readonly extraRows: bigint;
}

/**
 * Reads the source again at the version that the table reflects, and compares every cell inside Postgres.
 * @param client a session that may read the table; it gets a temporary table for the time of the call
 */
export async function verifyTable(client: pg.Client, table: SyncedTable, lakeTable: LakeTable): Promise<Verification> {
  const snapshot = await lakeTable.snapshot(table.syncedVersion ?? undefined);
  const columns = planTarget(snapshot, table);
  const names = identifierList(columns.map((column) => column.field.name));
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const relation = await lakeTable.openRelation(snapshot, 1);
  await using _ = relation;
  const connection = await lakeTable.engine.connect();
  try {
    return await inTransaction(client, async () => {
      await client.query(`create temporary table synced_tables_verify (${columnDefinitions(columns)}) on commit drop`);
      const { engine } = lakeTable;
      const selects = wholeCopy(engine, relation, tableRead(table, columns));
      const stream = await openCopyStream(connection, selects, 'text', engine.scratchFolder);
      await copyIn(client, `copy pg_temp.synced_tables_verify (${names}) from stdin`, stream);
      const difference = (left: string, right: string) =>
        `(select count(*) from (select ${names} from ${left} except all select ${names} from ${right}) d)::text`;
      const { rows } = await client.query<Record<'source' | 'target' | 'missing' | 'extra', string>>(
        `select (select count(*) from pg_temp.synced_tables_verify)::text as source,
                (select count(*) from ${target})::text as target,
                ${difference('pg_temp.synced_tables_verify', target)} as missing,
                ${difference(target, 'pg_temp.synced_tables_verify')} as extra`,
      );
      const [counts] = rows;
      if (!counts) throw new Error(`no counts for ${quoteLiteral(target)}`);
      return {
        version: snapshot.version,
        sourceRows: BigInt(counts.source),
        targetRows: BigInt(counts.target),
        missingRows: BigInt(counts.missing),
        extraRows: BigInt(counts.extra),
      };
    });
  } finally {
    connection.closeSync();
  }
}
