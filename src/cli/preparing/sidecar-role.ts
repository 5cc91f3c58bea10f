import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type pg from 'pg';
import { scramVerifier } from '../../api/identity/scram-verifier.js';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { isPostgresError } from '../../postgres/session/session.js';

/** The role that sidecars log in as. */
export interface SidecarRole {
  readonly role: string;
  /** Null: the role keeps the password that it has, or logs in without one. */
  readonly password: string | null;
}

/**
 * Makes a role that may do nothing but run a sidecar, or lets an existing one do so. Its password never appears in a
 * statement, which a server might log. Safe to repeat.
 * @param client a session of an administrator, in a database with the SQL side
 * @returns whether the role is new
 * @throws SIDECAR_ROLE_REFUSED; nothing has changed then
 */
export async function prepareSidecarRole(client: pg.Client, { role, password }: SidecarRole): Promise<boolean> {
  const name = quoteIdentifier(role);
  const secret = password === null ? '' : ` password ${quoteLiteral(await scramVerifier(password))}`;
  const { rows } = await client.query('select from pg_catalog.pg_roles where rolname = $1', [role]);
  const isNew = rows.length === 0;
  const change = isNew ? `create role ${name} login${secret}` : secret && `alter role ${name} login${secret}`;
  try {
    // One string is one transaction.
    await client.query([change, `grant databricks_sync to ${name}`].filter((each) => each !== '').join('; '));
  } catch (error) {
    if (!isPostgresError(error)) throw error;
    throw syncedTablesError('SIDECAR_ROLE_REFUSED', { role: name, reason: error.message }, error);
  }
  return isNew;
}

/** The argument of `--sidecar-password-file`: what is in the file, without a line break at its end. */
export function readPassword(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new InvalidArgumentError(`The file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`);
  }
  // For these, what Postgres does to a password before it is hashed changes nothing.
  if (!/^[\x20-\x7e]+$/.test(text)) {
    throw new InvalidArgumentError('The file must hold one line of letters, digits and signs of ASCII.');
  }
  return text;
}
