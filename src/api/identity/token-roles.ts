import { SyncedTablesError } from '../../core/errors.js';
import type { ApiInstance } from '../places/api-instance.js';

/** What the instances know about a bearer token. */
export interface TokenKnowledge {
  /** The role that the token acts as, by instance; instances that do not know the token are left out. */
  readonly roles: ReadonlyMap<string, string>;
  /** Whether any instance has ever had a token: if so, no request is served without one. */
  readonly hasTokens: boolean;
  /** The error of an instance that could not be asked; null when all answered. */
  readonly unreachable: SyncedTablesError | null;
}

const FIND_TOKEN = `
  select (select t.role_name
            from synced_tables._tokens t join pg_catalog.pg_roles r on r.oid = t.role_oid and r.rolname = t.role_name
           where t.token_hash = $1 and t.revoked_at is null and coalesce(t.expires_at, 'infinity') > now()
             and synced_tables_internal._may_act_for(t.role_name)) as role_name,
         exists (select from synced_tables._tokens) as has_tokens`;

/**
 * Asks every instance for the role of a token.
 * @param hash of the token; null to learn only whether there are tokens
 */
export async function findTokenRoles(instances: readonly ApiInstance[], hash: Buffer | null): Promise<TokenKnowledge> {
  const roles = new Map<string, string>();
  let hasTokens = false;
  let unreachable: SyncedTablesError | null = null;
  const ask = async (instance: ApiInstance) => {
    try {
      const { rows } = await instance.home.asService((client) =>
        client.query<{ role_name: string | null; has_tokens: boolean }>(FIND_TOKEN, [hash]),
      );
      if (rows[0]?.role_name) roles.set(instance.name, rows[0].role_name);
      hasTokens ||= rows[0]?.has_tokens === true;
    } catch (error) {
      if (!(error instanceof SyncedTablesError)) throw error;
      unreachable = error;
    }
  };
  await Promise.all(instances.map(ask));
  return { roles, hasTokens, unreachable };
}

/** The instances on which the API may act for a role. */
export async function instancesOfRole(instances: readonly ApiInstance[], role: string): Promise<string[]> {
  const mayAct = await Promise.all(
    instances.map(async (instance) => {
      const { rows } = await instance.home.asService((client) =>
        client.query<{ may: boolean }>('select synced_tables_internal._may_act_for($1) as may', [role]),
      );
      return rows[0]?.may === true;
    }),
  );
  return instances.filter((_, place) => mayAct[place]).map(({ name }) => name);
}
