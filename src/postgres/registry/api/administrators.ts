import type pg from 'pg';

/** A role that may control all synced tables of a server. */
export interface Administrator {
  readonly name: string;
  /** Whether it can log in. */
  readonly isUser: boolean;
}

/** The members of databricks_superuser, by name. */
export async function readAdministrators(client: pg.ClientBase): Promise<Administrator[]> {
  const { rows } = await client.query<{ name: string; is_user: boolean }>(
    `select r.rolname as name, r.rolcanlogin as is_user from pg_catalog.pg_auth_members m
       join pg_catalog.pg_roles r on r.oid = m.member
      where m.roleid = pg_catalog.to_regrole('databricks_superuser') order by 1`,
  );
  return rows.map(({ name, is_user }) => ({ name, isUser: is_user }));
}
