import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** Something that hangs on a table, as the view synced_tables.objects shows it. */
export interface TableObject {
  readonly kind:
    | 'TABLE'
    | 'PARTITION'
    | 'PRIMARY_KEY'
    | 'INDEX'
    | 'VIEW'
    | 'MATERIALIZED_VIEW'
    | 'FOREIGN_KEY'
    | 'FUNCTION'
    | 'OTHER'
    | 'PUBLICATION'
    | 'COMMENT'
    | 'GRANT'
    | 'MANAGER';
  readonly name: string;
  /** The statement that makes it; null for what a sync makes. */
  readonly definition: string | null;
  readonly size_bytes: string | null;
  readonly is_valid: boolean | null;
  /** How often an index was used since the last switch. */
  readonly scans: string | null;
  readonly depth: number | null;
  readonly blocks_drop: boolean;
  readonly granted_by: string | null;
  readonly granted_at: string | null;
}

/**
 * What hangs on a table. The caller checks beforehand who may see the table.
 * @param client a session with the sidecar's rights
 * @param sqlName as the SQL functions take it
 */
export async function readTableObjects(client: pg.ClientBase, sqlName: string): Promise<TableObject[]> {
  const { rows } = await client.query<TableObject>(
    `select o.kind, o.name, o.definition, o.size_bytes::text, o.is_valid, o.scans::text, o.depth, o.blocks_drop, o.granted_by,
            ${isoTime('o.granted_at')} as granted_at
       from synced_tables.objects o where o.synced_table = $1 order by o.kind, o.depth, o.name, o.definition`,
    [sqlName],
  );
  return rows;
}
