import { createHash } from 'node:crypto';
import pg from 'pg';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { readMigrations, sqlDir } from '../../src/postgres/install/migration-files.js';
import { readSqlLayer } from '../../src/postgres/install/sql-layer.js';
import type { TestServer } from './test-server.js';

// Migrating takes most of a second, copying a migrated database a tenth of that: one template a server for all tests.

const PREFIX = 'synced_tables_template_';
/** Two workers that need the template at the same time make one. */
const LOCK = 7_305_112_018;
const LEFT_BEHIND_TEMPLATES = `select datname from pg_catalog.pg_database where starts_with(datname, $1) and datname <> $2`;

/** What copying a database leaves out or must not copy: rights on the database itself, and what it is known by. */
export const NOT_COPIED = `
  do $$ begin execute format('grant create on database %I to databricks_superuser', current_database()); end $$;
  update synced_tables._service set instance_uid = default, credential_secret = default, created_at = default`;

const templates = new Map<string, Promise<string>>();

/** The name of a database with the schema of this version, to be copied; made by the first who asks on that server. */
export function migratedTemplate(server: TestServer): Promise<string> {
  const known = templates.get(server.url);
  if (known) return known;
  const made = makeTemplate(server);
  templates.set(server.url, made);
  made.catch(() => templates.delete(server.url));
  return made;
}

async function makeTemplate(server: TestServer): Promise<string> {
  const name = `${PREFIX}${await schemaHash()}`;
  await withClient(server.url, async (client) => {
    const isThere = async () =>
      (await client.query('select from pg_catalog.pg_database where datname = $1 and datistemplate', [name]))
        .rowCount === 1;
    if (await isThere()) return;
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    if (await isThere()) return;
    await dropTemplates(client, name);
    await client.query(`drop database if exists ${name}`);
    await client.query(`create database ${name} template template0`);
    await migrate(server, name);
    await client.query(`alter database ${name} is_template true`);
  });
  return name;
}

/** Drops all templates of a server that outlives the run. */
export async function dropMigratedTemplates(serverUrl: string): Promise<void> {
  await withClient(serverUrl, (client) => dropTemplates(client, ''));
}

async function dropTemplates(client: pg.Client, except: string): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(LEFT_BEHIND_TEMPLATES, [PREFIX, except]);
  for (const { datname } of rows) {
    await client.query(`alter database ${datname} is_template false`);
    await client.query(`drop database if exists ${datname} with (force)`);
  }
}

async function migrate(server: TestServer, name: string): Promise<void> {
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href, application_name: 'test-template' });
  await client.connect();
  try {
    await migrateDatabase(client);
  } finally {
    await client.end();
  }
}

/** Of the SQL side: another version of it is another template. */
async function schemaHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const migration of await readMigrations()) hash.update(migration.hash);
  hash.update((await readSqlLayer(sqlDir)).hash);
  return hash.digest('hex').slice(0, 16);
}

/** Runs `use` with a superuser's session of its own in the server's own database. */
async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'test-admin' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
