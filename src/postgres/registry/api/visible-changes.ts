import type pg from 'pg';

/** The channel that tells of every change; see sql/routines/queue/notify_changes.sql. */
export const CHANGES_CHANNEL = 'synced_tables_changes';

/** A table that a role may see, and how far a running load is. */
export interface VisibleTable {
  readonly role: string;
  readonly tableId: string;
  readonly pipelineId: string;
  /** Null unless a load runs. */
  readonly rowsDone: string | null;
}

const SELECT_VISIBLE = `
  with changed as materialized (
    select k.table_id, k.pipeline_id, k.created_by, k.relation, t.rows_done
      from synced_tables._known_tables k left join synced_tables._tables t using (table_id)
     where k.table_id = any ($2) or k.pipeline_id = any ($3) or t.rows_done is not null
  )
  select r.role, c.table_id as "tableId", c.pipeline_id as "pipelineId", c.rows_done::text as "rowsDone"
    from unnest($1::text[]) r (role) cross join changed c
   where synced_tables_internal._role_may_see(r.role, c.created_by, c.relation)`;

/**
 * Which of the roles may see which of the tables, and of the tables of which pipelines, that have changed, and all tables
 * that are being loaded: one statement for all who look on.
 * @param client a session with the sidecar's rights
 */
export async function readVisibleChanges(
  client: pg.ClientBase,
  roles: readonly string[],
  changed: { readonly tables: readonly string[]; readonly pipelines: readonly string[] },
): Promise<VisibleTable[]> {
  const { rows } = await client.query<VisibleTable>({
    name: 'synced_tables_visible_changes',
    text: SELECT_VISIBLE,
    values: [roles, changed.tables, changed.pipelines],
  });
  return rows;
}
