import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { migratedTemplate, NOT_COPIED } from './migrated-template.js';
import { adminPool, createTestDatabase } from './postgres.js';
import type { TestServer } from './test-server.js';

/** A database with the schema of this version, and roles that go with it. */
export interface MigratedDatabase extends AsyncDisposable {
  readonly url: string;
  /** A superuser's session. */
  readonly admin: pg.Client;
  /** Opens a superuser's session. */
  connect(): Promise<pg.Client>;
  /** Makes a role of a name of its own (`<name>_<random>`) that is a member of `memberOf`. */
  createRole(name: string, ...memberOf: string[]): Promise<string>;
  /** Opens a session of `role`. */
  connectAs(role: string): Promise<pg.Client>;
  /** Opens a session as the sidecar has it: a login role without other rights, acting as databricks_sync. */
  connectAsSidecar(): Promise<pg.Client>;
}

/** `await using database = await createMigratedDatabase(server)`; disposing of it drops database and roles. */
export async function createMigratedDatabase(server: TestServer): Promise<MigratedDatabase> {
  const database = await createTestDatabase(server, { template: await migratedTemplate(server) });
  const admin = await database.connect();
  await admin.query(NOT_COPIED);
  const { rows } = await admin.query<{ oid: number }>('select oid from pg_database where datname = current_database()');
  const roles: string[] = [];
  const createRole = async (name: string, ...memberOf: string[]): Promise<string> => {
    const role = `${name}_${randomBytes(4).toString('hex')}`;
    await admin.query(`create role ${role}`);
    for (const group of memberOf) await admin.query(`grant ${group} to ${role}`);
    roles.push(role);
    return role;
  };
  const connectAs = async (role: string): Promise<pg.Client> => {
    const client = await database.connect();
    await client.query(`set session authorization ${role}`);
    return client;
  };
  return {
    url: database.url,
    admin,
    connect: database.connect,
    createRole,
    connectAs,
    connectAsSidecar: async () => {
      const client = await connectAs(await createRole('sidecar', 'databricks_sync'));
      await client.query('set role databricks_sync');
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]();
      await dropRoles(server.url, `^(${[`databricks_st_${rows[0]?.oid}_.*`, ...roles].join('|')})$`);
    },
  };
}

async function dropRoles(serverUrl: string, pattern: string): Promise<void> {
  const admin = adminPool(serverUrl);
  const { rows } = await admin.query<{ roles: string | null }>(
    `select string_agg(quote_ident(rolname), ', ') as roles from pg_roles where rolname ~ $1`,
    [pattern],
  );
  const roles = rows[0]?.roles;
  // A sidecar of another test may be sweeping up what dropped databases leave.
  if (roles) await admin.query(`drop role if exists ${roles}`);
}
