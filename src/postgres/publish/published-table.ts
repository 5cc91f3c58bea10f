import pg from 'pg';
import { postgresTableName, quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { Answer } from '../session/query-together.js';

/** Where a synced table is now: somebody may have renamed it. */
interface TablePlace {
  /** The table itself, quoted for SQL. */
  readonly target: string;
  /** The partition that holds its rows, quoted for SQL. */
  readonly partition: string;
}

/** The partition that holds the rows of a synced table, quoted for SQL. */
export async function solePartition(client: pg.Client, relation: number): Promise<string> {
  const { rows } = await client.query<(string | null)[]>({ text: tablePlacesStatement([relation]), rowMode: 'array' });
  return requirePlace(tablePlaces(rows).get(relation)).partition;
}

/** The places of synced tables: rows for `tablePlaces`. */
export function tablePlacesStatement(relations: readonly number[]): string {
  return `select p.relation::text as relation, pn.nspname::text, pc.relname::text, n.nspname::text, c.relname::text
            from unnest(array[${relations.join(', ')}]::oid[]) as p (relation)
            join pg_class pc on pc.oid = p.relation join pg_namespace pn on pn.oid = pc.relnamespace
            join pg_class c on c.oid = databricks_auth.sole_partition(p.relation) join pg_namespace n on n.oid = c.relnamespace`;
}

/** By the OID of the synced table. */
export function tablePlaces(rows: Answer): ReadonlyMap<number, TablePlace> {
  const quoted = (schema: string | null | undefined, name: string | null | undefined) =>
    `${quoteIdentifier(schema ?? '')}.${quoteIdentifier(name ?? '')}`;
  return new Map(
    rows.map(([relation, schema, name, partitionSchema, partition]) => [
      Number(relation),
      { target: quoted(schema, name), partition: quoted(partitionSchema, partition) },
    ]),
  );
}

export function requirePlace(place: TablePlace | undefined): TablePlace {
  if (place === undefined) throw new Error('the synced table does not have its one partition');
  return place;
}

/** OID and current name of a published table; null if it was dropped. */
export async function findRelation(client: pg.Client, relation: number): Promise<string | null> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = $1 and c.relkind = 'p'`,
    [relation],
  );
  return rows[0] ? postgresTableName(rows[0].schema, rows[0].name) : null;
}

/**
 * Refreshes the planner's statistics of the parent: autovacuum never analyzes partitioned tables, and the partition was
 * analyzed before it was switched in.
 */
export async function analyzeParent(client: pg.Client, table: SyncedTable): Promise<void> {
  const { rows } = await client.query<{ target: string | null }>(
    `select c.oid::regclass::text as target from synced_tables._tables t join pg_class c on c.oid = t.relation where t.table_id = $1`,
    [table.tableId],
  );
  const target = rows[0]?.target ?? null;
  if (target === null) return; // deleted or dropped meanwhile
  const analyze = (what: string) => `execute ${pg.escapeLiteral(`analyze ${what}`)};`;
  // ONLY is new in 18.
  const text = `begin if current_setting('server_version_num')::int >= 180000 then ${analyze(`only ${target}`)}
                else ${analyze(target)} end if; end`;
  await client.query(`do ${pg.escapeLiteral(text)}`);
}
