import type pg from 'pg';

/** Somebody whom the permissions of a pipeline name. */
export interface PipelinePrincipal {
  readonly principal: string;
  /** As a client named them; null for those whom only Postgres knows as managers. */
  readonly kind: 'user_name' | 'group_name' | 'service_principal_name' | null;
  /** Whether the role can log in. */
  readonly isUser: boolean;
  /** Whether they may control the pipeline: all its synced tables, or its flows. */
  readonly mayControl: boolean;
}

/** The principals that clients have named, and the managers of all tables of a pipeline, by name. */
export async function readPipelinePrincipals(client: pg.ClientBase, pipelineId: string): Promise<PipelinePrincipal[]> {
  const { rows } = await client.query<{
    principal: string;
    kind: PipelinePrincipal['kind'];
    is_user: boolean;
    may_control: boolean;
  }>(
    `with members as (select t.relation from synced_tables._tables t where t.pipeline_id = $1 and t.relation is not null),
          managers as (select m.user_name as principal
                         from public.databricks_synced_table_managers m
                         join members t on t.relation = pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name))
                        group by m.user_name having count(*) = (select count(*) from members)),
          named as (select p.principal, p.kind from synced_tables._pipeline_principals p where p.pipeline_id = $1)
     select coalesce(n.principal, m.principal) as principal, n.kind, coalesce(r.rolcanlogin, false) as is_user,
            m.principal is not null or coalesce(synced_tables_internal._role_may_control(r.rolname, l.created_by), false) as may_control
       from named n full join managers m using (principal)
       left join pg_catalog.pg_roles r on r.rolname = coalesce(n.principal, m.principal)
       join synced_tables._pipelines l on l.pipeline_id = $1
      order by 1`,
    [pipelineId],
  );
  return rows.map((row) => ({
    principal: row.principal,
    kind: row.kind,
    isUser: row.is_user,
    mayControl: row.may_control,
  }));
}

/** Remembers who was named in the permissions of a pipeline, in place of those who were named before. */
export async function notePrincipals(
  client: pg.ClientBase,
  pipelineId: string,
  named: readonly { readonly principal: string; readonly kind: string }[],
): Promise<void> {
  await client.query('delete from synced_tables._pipeline_principals where pipeline_id = $1', [pipelineId]);
  await client.query(
    `insert into synced_tables._pipeline_principals (pipeline_id, principal, kind)
     select $1, n.principal, n.kind from unnest($2::name[], $3::text[]) n (principal, kind)`,
    [pipelineId, named.map(({ principal }) => principal), named.map(({ kind }) => kind)],
  );
}

/** Whether roles exist, and whether they may control what a role has created. */
export async function readControl(
  client: pg.ClientBase,
  principals: readonly string[],
  createdBy: string,
): Promise<Map<string, boolean>> {
  const { rows } = await client.query<{ rolname: string; may_control: boolean }>(
    `select r.rolname, synced_tables_internal._role_may_control(r.rolname, $2) as may_control
       from pg_catalog.pg_roles r where r.rolname = any ($1::name[])`,
    [principals, createdBy],
  );
  return new Map(rows.map(({ rolname, may_control }) => [rolname, may_control]));
}

/** A synced table of a pipeline; `relation` is its OID, null before it is loaded. */
export interface ManagedTable {
  readonly name: string;
  readonly relation: string | null;
  /** Whether its first load has failed. */
  readonly hasFailed: boolean;
  readonly managers: readonly string[];
}

/** The synced tables of a pipeline with their managers. */
export async function readManagedTables(client: pg.ClientBase, pipelineId: string): Promise<ManagedTable[]> {
  const { rows } = await client.query<ManagedTable>(
    `select t.synced_table as name, t.relation::oid::text as relation, t.state = 'SYNCED_TABLE_OFFLINE_FAILED' as "hasFailed",
            coalesce((select pg_catalog.array_agg(m.user_name::text) from public.databricks_synced_table_managers m
                       where t.relation = pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name))), '{}') as managers
       from synced_tables._tables t where t.pipeline_id = $1 order by t.synced_table`,
    [pipelineId],
  );
  return rows;
}

/** Appoints or removes a manager of a synced table, with the rights of the acting role. */
export async function changeManager(
  client: pg.ClientBase,
  change: { readonly relation: string; readonly manager: string; readonly isManager: boolean },
): Promise<void> {
  const { relation, manager, isManager } = change;
  await client.query(
    `select public.databricks_synced_table_${isManager ? 'add' : 'remove'}_manager($1::oid::regclass, $2)`,
    [relation, manager],
  );
}
