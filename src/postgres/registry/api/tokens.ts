import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** What an instance knows about a token. */
export interface KnownToken {
  /** The role that it acts as; null if it is unknown, revoked or expired, or if the API may not act for that role. */
  readonly role: string | null;
  /** Whether the instance ever had a token. */
  readonly hasTokens: boolean;
  /** Whether its use has not been noted for an hour. */
  readonly isUseUnnoted: boolean;
}

const IS_UNNOTED = `coalesce(t.last_used_at < now() - interval '1 hour', true)`;

const FIND_TOKEN = `
  select t.role_name, coalesce(t.is_unnoted and current_setting('transaction_read_only') = 'off', false) as is_unnoted, exists (select from synced_tables._tokens) as has_tokens
    from (values (1)) one
    left join lateral (
      select t.role_name, ${IS_UNNOTED} as is_unnoted
        from synced_tables._tokens t join pg_catalog.pg_roles r on r.oid = t.role_oid and r.rolname = t.role_name
       where t.token_hash = $1 and t.revoked_at is null and coalesce(t.expires_at, 'infinity') > now()
         and synced_tables_internal._may_act_for(t.role_name)) t on true`;

/**
 * Looks for a token.
 * @param hash of the token; null to learn only whether there are tokens
 */
export async function findToken(client: pg.ClientBase, hash: Buffer | null): Promise<KnownToken> {
  const { rows } = await client.query<{ role_name: string | null; is_unnoted: boolean; has_tokens: boolean }>(
    FIND_TOKEN,
    [hash],
  );
  const [row] = rows;
  return { role: row?.role_name ?? null, hasTokens: row?.has_tokens === true, isUseUnnoted: row?.is_unnoted === true };
}

/** Notes that a token was used, unless that was noted within the last hour. Waits for nobody who does the same. */
export async function noteTokenUse(client: pg.ClientBase, hash: Buffer): Promise<void> {
  await client.query(
    `update synced_tables._tokens set last_used_at = now()
      where token_id in (select t.token_id from synced_tables._tokens t
                          where t.token_hash = $1 and ${IS_UNNOTED} for update skip locked)`,
    [hash],
  );
}

/** A token as those see it who may make tokens. */
export interface TokenRecord {
  readonly tokenId: string;
  /** The same for a token on every instance that knows it. */
  readonly hash: Buffer;
  readonly role: string;
  readonly description: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly state: 'ACTIVE' | 'EXPIRED' | 'REVOKED' | 'ROLE_MISSING';
  readonly lastUsedAt: string | null;
}

interface TokenRow {
  readonly token_id: string;
  readonly token_hash: Buffer;
  readonly role_name: string;
  readonly description: string | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly state: TokenRecord['state'];
  readonly last_used_at: string | null;
}

/**
 * The tokens of an instance, for a role that may read the view synced_tables.tokens; null for other roles.
 * @param client a session with the sidecar's rights
 */
export async function readTokens(client: pg.ClientBase, role: string): Promise<TokenRecord[] | null> {
  const { rows: rights } = await client.query<{ may: boolean }>(
    `select pg_catalog.has_table_privilege($1::name, 'synced_tables.tokens', 'select')
        and pg_catalog.has_schema_privilege($1::name, 'synced_tables', 'usage') as may`,
    [role],
  );
  if (rights[0]?.may !== true) return null;
  const { rows } = await client.query<TokenRow>(
    `select v.token_id, t.token_hash, v.role_name, v.description, v.created_by, ${isoTime('v.created_at')} as created_at,
            ${isoTime('v.expires_at')} as expires_at, ${isoTime('v.revoked_at')} as revoked_at, v.state,
            ${isoTime('v.last_used_at')} as last_used_at
       from synced_tables.tokens v join synced_tables._tokens t using (token_id)`,
  );
  return rows.map((row) => ({
    tokenId: row.token_id,
    hash: row.token_hash,
    role: row.role_name,
    description: row.description,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    state: row.state,
    lastUsedAt: row.last_used_at,
  }));
}

/** A token that is to be made. */
export interface NewToken {
  readonly hash: Buffer;
  readonly role: string;
  readonly description: string | null;
  readonly expiresAt: Date | null;
}

/** Makes a token, with the rights of the acting role; returns its id. */
export async function createToken(client: pg.ClientBase, token: NewToken): Promise<string> {
  const { role, hash, expiresAt, description } = token;
  const { rows } = await client.query<{ id: string }>('select synced_tables.create_token($1, $2, $3, $4) as id', [
    role,
    hash,
    expiresAt,
    description,
  ]);
  return rows[0]?.id ?? '';
}

/** Revokes a token, with the rights of the acting role. */
export async function revokeToken(client: pg.ClientBase, tokenId: string): Promise<void> {
  await client.query('select synced_tables.revoke_token($1)', [tokenId]);
}

/** Whether the API may act for a role of the instance. */
export async function mayActFor(client: pg.ClientBase, role: string): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>('select synced_tables_internal._may_act_for($1) as may', [
    role,
  ]);
  return rows[0]?.may === true;
}

/** Seconds until a token expires; null if it never does, or is unknown. */
export async function readTokenSeconds(client: pg.ClientBase, hash: Buffer): Promise<number | null> {
  const { rows } = await client.query<{ seconds: number | null }>(
    `select extract(epoch from expires_at - now())::double precision as seconds
       from synced_tables._tokens where token_hash = $1`,
    [hash],
  );
  return rows[0]?.seconds ?? null;
}
