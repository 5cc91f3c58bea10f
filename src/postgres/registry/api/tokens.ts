import type pg from 'pg';

/** What an instance knows about a token. */
export interface KnownToken {
  /** The role that it acts as; null if it is unknown, revoked or expired, or if the API may not act for that role. */
  readonly role: string | null;
  /** Whether the instance ever had a token. */
  readonly hasTokens: boolean;
}

const FIND_TOKEN = `
  select (select t.role_name
            from synced_tables._tokens t join pg_catalog.pg_roles r on r.oid = t.role_oid and r.rolname = t.role_name
           where t.token_hash = $1 and t.revoked_at is null and coalesce(t.expires_at, 'infinity') > now()
             and synced_tables_internal._may_act_for(t.role_name)) as role_name,
         exists (select from synced_tables._tokens) as has_tokens`;

/**
 * Looks for a token.
 * @param hash of the token; null to learn only whether there are tokens
 */
export async function findToken(client: pg.ClientBase, hash: Buffer | null): Promise<KnownToken> {
  const { rows } = await client.query<{ role_name: string | null; has_tokens: boolean }>(FIND_TOKEN, [hash]);
  return { role: rows[0]?.role_name ?? null, hasTokens: rows[0]?.has_tokens === true };
}

/** Whether the API may act for a role of the instance. */
export async function mayActFor(client: pg.ClientBase, role: string): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>('select synced_tables_internal._may_act_for($1) as may', [
    role,
  ]);
  return rows[0]?.may === true;
}
