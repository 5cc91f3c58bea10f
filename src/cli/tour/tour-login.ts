import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';

const ROLE = 'quickstart';

/**
 * Makes a login for whoever tries the product on a server of its own: it reads everything, creates, syncs and indexes synced
 * tables, and writes into none. The superuser's could, without a thought.
 * @param url the superuser's connection string
 * @returns its connection string, with a new password
 */
export async function makeTourLogin(
  client: pg.Client,
  url: string,
  table: Pick<SyncedTable, 'schema' | 'relation'>,
  role = ROLE,
): Promise<string> {
  const name = quoteIdentifier(role);
  const password = randomBytes(12).toString('hex');
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${name}`);
  await client.query(`alter role ${name} login password '${password}'`);
  const { rows } = await client.query<{ database: string }>('select current_database() as database');
  await client.query(
    `grant pg_read_all_data to ${name};
     grant create on database ${quoteIdentifier(rows[0]?.database ?? '')} to ${name};
     grant usage, create on schema ${quoteIdentifier(table.schema)} to ${name};
     grant execute on function synced_tables.create_synced_table to ${name}`,
  );
  await client.query(
    `select public.databricks_synced_table_add_manager($1::oid::regclass, $2::text)
      where not exists (select from databricks_auth.managers where synced_table = $1::oid::regclass and manager = $2::text)`,
    [table.relation, role],
  );
  const login = new URL(url);
  login.username = role;
  login.password = password;
  return login.href;
}
