import type pg from 'pg';

/** From when and until when a credential is one, in seconds since 1970. */
export interface Validity {
  readonly issued: number;
  readonly expires: number;
}

/** The credential of a role, locked until the transaction ends; null if it has none. */
export async function lockCredential(client: pg.ClientBase, role: string): Promise<Validity | null> {
  const { rows } = await client.query<Validity>(
    `select extract(epoch from issued_at)::int as issued, extract(epoch from expires_at)::int as expires
         from synced_tables_internal._current_credential($1)`,
    [role],
  );
  return rows[0] ?? null;
}

/**
 * Gives a role another password.
 * @param verifier of the password, as Postgres keeps it
 * @throws CREDENTIAL_REFUSED for roles that cannot log in, that have a password of their own, or that the API may not
 *   act for
 */
export async function setCredential(
  client: pg.ClientBase,
  role: string,
  verifier: string,
  { issued, expires }: Validity,
): Promise<void> {
  await client.query('select synced_tables_internal._set_credential($1, $2, to_timestamp($3), to_timestamp($4))', [
    role,
    verifier,
    issued,
    expires,
  ]);
}

/** What credentials of an instance are made with. */
export interface CredentialSecret {
  readonly secret: Buffer;
  /** UUID of the instance. */
  readonly uid: string;
  /** The time there, in seconds since 1970. */
  readonly now: number;
}

/** The secret of an instance; read in its home database. */
export async function readCredentialSecret(client: pg.ClientBase): Promise<CredentialSecret> {
  const { rows } = await client.query<CredentialSecret>(
    `select credential_secret as secret, instance_uid as uid, floor(extract(epoch from now()))::int as now
       from synced_tables._service`,
  );
  const [row] = rows;
  if (!row) throw new Error('synced_tables._service has no row');
  return row;
}
