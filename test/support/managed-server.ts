import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import type { EmbeddedMajor } from '../../src/embedded/postgres-package.js';
import type { MigratedDatabase } from './migrated-database.js';

/** A server as services run them: its users get an administrator that may create roles and databases, and no superuser. */
export interface ManagedServer extends AsyncDisposable {
  readonly major: EmbeddedMajor;
  /** The service's own session, which users do not have: for looking behind things, and for what a service does. */
  readonly superuser: pg.Client;
  readonly administrator: string;
  /** Makes an empty database that belongs to the administrator, and opens his session there. */
  createDatabase(name: string): Promise<ManagedDatabase>;
  /** Opens one more session of the administrator in a database that is there. */
  connect(database: string): Promise<pg.Client>;
}

/** `admin` is the administrator's session, and `connect` opens more of them. */
export interface ManagedDatabase extends MigratedDatabase {
  /** The service's own session in this database. */
  readonly superuser: pg.Client;
}

/** Starts it in a cluster of its own, since roles of ours that a superuser made are out of an administrator's reach. */
export async function startManagedServer(major: EmbeddedMajor): Promise<ManagedServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-managed-'));
  chmodSync(folder, 0o755);
  const server = await startEmbeddedPostgres({ major, dataDir: path.join(folder, 'data') });
  const clients: pg.Client[] = [];
  const password = randomBytes(8).toString('hex');
  const logIn = async (role: string | null, database: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: urlOf(role, database), application_name: 'test' });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  /** @param role null: the superuser */
  const urlOf = (role: string | null, database: string): string => {
    const url = new URL(server.url);
    url.pathname = `/${database}`;
    if (role !== null) {
      url.username = role;
      url.password = password;
    }
    return url.href;
  };
  const administrator = 'cloud_admin';
  const superuser = await logIn(null, 'postgres');
  await superuser.query(`create role ${administrator} login createrole createdb password '${password}'`);
  const createDatabase = async (name: string): Promise<ManagedDatabase> => {
    await superuser.query(`create database ${name} owner ${administrator}`);
    const admin = await logIn(administrator, name);
    const createRole = async (base: string, ...memberOf: string[]): Promise<string> => {
      const role = `${base}_${randomBytes(4).toString('hex')}`;
      await admin.query(`create role ${role} login password '${password}'`);
      for (const group of memberOf) await admin.query(`grant ${group} to ${role}`);
      return role;
    };
    return {
      url: urlOf(administrator, name),
      admin,
      superuser: await logIn(null, name),
      connect: () => logIn(administrator, name),
      createRole,
      connectAs: (role) => logIn(role, name),
      connectAsSidecar: async () => {
        const client = await logIn(await createRole('sidecar', 'databricks_sync'), name);
        await client.query('set role databricks_sync');
        return client;
      },
      // The server goes with all that is in it.
      [Symbol.asyncDispose]: async () => {},
    };
  };
  return {
    major,
    superuser,
    administrator,
    createDatabase,
    connect: (database) => logIn(administrator, database),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
