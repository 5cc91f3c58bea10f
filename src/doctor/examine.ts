import type pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { describeServer } from '../core/postgres-url.js';
import { readAddedDatabases } from '../postgres/registry/added-databases.js';
import { closeSession, openSession, SYNC_ROLE } from '../postgres/session/session.js';
import type { Settings } from '../settings/settings-schema.js';
import { databaseOf, homeDatabase, type ManagedDatabase, managedDatabases } from '../sidecar/managed-databases.js';
import { tryConnections } from '../sidecar/try-connections.js';
import { examineCatalogs } from './examine-catalogs.js';
import { examineDatabase } from './examine-database.js';
import { examineMachine } from './examine-machine.js';
import { examineServer } from './examine-server.js';
import { examineSync, examineTables } from './examine-sync.js';
import { errorFinding, failureFinding, finding } from './finding.js';

const APPLICATION = 'synced-tables doctor';

/** Examines everything that the settings refer to. Changes nothing; what cannot be examined is a finding too. */
export async function examine(settings: Settings): Promise<Finding[]> {
  const parts = await Promise.all([
    attempt('machine', () => examineMachine(settings)),
    attempt('catalogs', () => examineCatalogs(settings)),
    examineInstances(settings),
  ]);
  return parts.flat();
}

/** One after another: each takes a session, or two, of a server that has others to serve. */
async function examineInstances(settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const instance of Object.keys(settings.instances)) {
    findings.push(...(await examineInstance(settings, instance)));
  }
  return findings;
}

/** A failure in one part does not end the others. */
async function attempt(subject: string, part: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await part();
  } catch (error) {
    const known = asSyncedTablesError(error);
    return [known ? errorFinding(known, subject) : failureFinding(error, subject)];
  }
}

async function examineInstance(settings: Settings, instance: string): Promise<Finding[]> {
  const home = homeDatabase(settings, instance);
  const listed = managedDatabases(settings).filter((database) => database.instance === instance);
  const added: string[] = [];
  const connections = await attempt(instance, () => examineConnections(home, instance));
  // Nothing that is set on a session must reach those of others, and without a server there is nothing to examine.
  if (connections.some(({ severity, subject }) => severity === 'error' && subject === instance)) return connections;
  // Server and home database share a session: each new one takes of what the server has.
  const server = await attempt(instance, () =>
    withSession(home, async (client) => {
      added.push(...(await readAddedDatabases(client).catch(() => [])));
      const databases = new Set([...listed.map(({ database }) => database), ...added]).size;
      const found = await attempt(instance, () => examineServer({ client, settings, subject: instance, databases }));
      return [...found, ...(await attempt(home.name, () => examineContents(client, home.name, settings)))];
    }),
  );
  if (server.some(({ code, subject }) => code.startsWith('POSTGRES_') && subject === instance)) {
    return [...connections, ...server];
  }
  const others = added.filter((name) => !listed.some(({ database }) => database === name));
  for (const database of [...listed, ...others.map((name) => databaseOf(settings, instance, name))]) {
    const { name } = database;
    if (name === home.name) continue;
    server.push(
      ...(await attempt(name, () => withSession(database, (client) => examineContents(client, name, settings)))),
    );
  }
  return [...connections, ...server];
}

/** Whether sessions stay as they are, and where short transactions go. */
async function examineConnections(home: ManagedDatabase, subject: string): Promise<Finding[]> {
  const unreachable = await tryConnections(home, APPLICATION);
  if (home.pooledUrl === null) return [];
  if (unreachable !== null) return [errorFinding(unreachable, `${subject} pooler`)];
  const details = { server: describeServer(home.pooledUrl), direct: describeServer(home.url) };
  return [finding('POOLER_READY', subject, details)];
}

async function examineContents(client: pg.Client, subject: string, settings: Settings): Promise<Finding[]> {
  const { findings, isInstalled, maySync } = await examineDatabase(client, subject);
  if (!isInstalled) return [...findings];
  const tables = await examineTables(client, subject, settings);
  if (!maySync) return [...findings, ...tables];
  // A superuser sees more of the sidecars' sessions without SET ROLE.
  await client.query(
    `select set_config('role', $1, false) from pg_roles where rolname = session_user and not rolsuper`,
    [SYNC_ROLE],
  );
  return [...findings, ...(await examineSync(client, subject, settings)), ...tables];
}

async function withSession<Result>(
  { url, name }: ManagedDatabase,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openSession({ url, applicationName: APPLICATION, role: null }).catch((error: unknown) => {
    const known = asSyncedTablesError(error);
    if (known) throw known;
    const reason = error instanceof Error ? error.message : String(error);
    throw syncedTablesError('POSTGRES_UNREACHABLE', { server: `${describeServer(url)} (${name})`, reason }, error);
  });
  try {
    return await work(client);
  } finally {
    await closeSession(client);
  }
}
