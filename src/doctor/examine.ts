import type pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { describeServer } from '../core/postgres-url.js';
import { type OwnSchema, readOwnSchema } from '../postgres/install/migrate.js';
import { readAddedDatabases } from '../postgres/registry/added-databases.js';
import { explainConnectError } from '../postgres/session/connect-errors.js';
import { closeSession, openSession, SYNC_ROLE, setUpSession } from '../postgres/session/session.js';
import { openKeptSessions } from '../postgres/session/session-trial.js';
import type { Settings } from '../settings/settings-schema.js';
import { databaseOf, homeDatabase, type ManagedDatabase, managedDatabases } from '../sidecar/managed-databases.js';
import { tryPooler } from '../sidecar/try-connections.js';
import { examineCatalogs } from './examine-catalogs.js';
import { examineGuard, examineInstallation } from './examine-database.js';
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
  // Once for all databases, and while the first server is connected to.
  const own = readOwnSchema();
  own.catch(() => {});
  for (const instance of Object.keys(settings.instances)) {
    findings.push(...(await examineInstance(settings, instance, own)));
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

async function examineInstance(settings: Settings, instance: string, own: Promise<OwnSchema>): Promise<Finding[]> {
  const home = homeDatabase(settings, instance);
  const listed = managedDatabases(settings).filter((database) => database.instance === instance);
  const { findings, added } = await examineHome({ settings, home, listed, own });
  if (added === null) return findings;
  const others = added.filter((name) => !listed.some(({ database }) => database === name));
  for (const database of [...listed, ...others.map((name) => databaseOf(settings, instance, name))]) {
    const { name } = database;
    if (name === home.name) continue;
    findings.push(
      ...(await attempt(name, () =>
        withSessions(database, (client, second) => examineContents({ client, second, subject: name, settings, own })),
      )),
    );
  }
  return findings;
}

interface Home {
  readonly settings: Settings;
  readonly home: ManagedDatabase;
  readonly listed: readonly ManagedDatabase[];
  readonly own: Promise<OwnSchema>;
}

/**
 * Examines the server and its home database, on the sessions that show whether sessions stay as they are: each new one takes of
 * what the server has.
 * @returns names of databases that were added without settings; null where no other database can be examined either
 */
async function examineHome({ settings, home, listed, own }: Home): Promise<{
  findings: Finding[];
  added: readonly string[] | null;
}> {
  const { instance } = home;
  const sessions: pg.Client[] = [];
  const isHopeless = (found: readonly Finding[], begin: string) =>
    found.some(({ severity, code, subject }) => severity === 'error' && subject === instance && code.startsWith(begin));
  try {
    const connections = await attempt(instance, async () => {
      const { first, second } = await openKeptSessions({ url: home.url, applicationName: APPLICATION });
      sessions.push(...(second === null ? [first] : [first, second]));
      return examinePooler(home, instance);
    });
    const [client, second = null] = sessions;
    // Nothing that is set on a session must reach those of others, and without a server there is nothing to examine.
    if (client === undefined || isHopeless(connections, '')) return { findings: connections, added: null };
    let added: readonly string[] = [];
    const server = await attempt(instance, async () => {
      const settingUp = sessions.map((session) => setUpSession(session, sessionOptions(home)));
      await Promise.all(settingUp).catch((error: unknown) => {
        throw explainConnectError(error, home.url);
      });
      added = await readAddedDatabases(client).catch(() => []);
      const databases = new Set([...listed.map(({ database }) => database), ...added]).size;
      const found = await attempt(instance, () => examineServer({ client, settings, subject: instance, databases }));
      const contents = { client, second: Promise.resolve(second), subject: home.name, settings, own };
      return [...found, ...(await attempt(home.name, () => examineContents(contents)))];
    });
    const findings = [...connections, ...server];
    return { findings, added: isHopeless(server, 'POSTGRES_') ? null : added };
  } finally {
    await Promise.all(sessions.map((session) => closeSession(session)));
  }
}

/** Where short transactions go, if that is another way. */
async function examinePooler(home: ManagedDatabase, subject: string): Promise<Finding[]> {
  const unreachable = await tryPooler(home, APPLICATION);
  if (home.pooledUrl === null) return [];
  if (unreachable !== null) return [errorFinding(unreachable, `${subject} pooler`)];
  const details = { server: describeServer(home.pooledUrl), direct: describeServer(home.url) };
  return [finding('POOLER_READY', subject, details)];
}

const sessionOptions = ({ url }: ManagedDatabase) => ({ url, applicationName: APPLICATION, role: null });

interface Contents {
  readonly client: pg.Client;
  /** Asked at the same time; null where none is free. */
  readonly second: Promise<pg.Client | null>;
  readonly subject: string;
  readonly settings: Settings;
  readonly own: Promise<OwnSchema>;
}

async function examineContents({ client, subject, settings, own, ...more }: Contents): Promise<Finding[]> {
  const installation = await examineInstallation(client, subject, own);
  if (!installation.isInstalled) return [...installation.findings];
  const second = await more.second;
  const ofTables = () => attempt(subject, () => examineTables(second ?? client, subject, settings));
  const ofOthers = async () => [
    ...(await attempt(subject, () => examineGuard(client, subject, installation))),
    ...(installation.maySync ? await attempt(subject, () => examineAsSidecar(client, subject, settings)) : []),
  ];
  // The tables are asked for as the login role, and in the time of all other questions.
  const [tables, others] = second ? await Promise.all([ofTables(), ofOthers()]) : [await ofTables(), await ofOthers()];
  return [...installation.findings, ...others, ...tables];
}

async function examineAsSidecar(client: pg.Client, subject: string, settings: Settings): Promise<Finding[]> {
  // A superuser sees more of the sidecars' sessions without SET ROLE.
  await client.query(
    `select set_config('role', $1, false) from pg_roles where rolname = session_user and not rolsuper`,
    [SYNC_ROLE],
  );
  return examineSync(client, subject, settings);
}

/**
 * Opens a session for `work`, and then a second one, if the server has one free that it does not reserve: never before the
 * first, which may have taken the last.
 */
async function withSessions<Result>(
  database: ManagedDatabase,
  work: (client: pg.Client, second: Promise<pg.Client | null>) => Promise<Result>,
): Promise<Result> {
  const options = { ...sessionOptions(database), isGuest: true };
  let ending: Promise<void> | undefined;
  try {
    return await withSession(database, async (client) => {
      const opening = openSession(options).catch(() => null);
      try {
        return await work(client, opening);
      } finally {
        // Both end at the same time.
        ending = opening.then((second) => (second ? closeSession(second) : undefined));
      }
    });
  } finally {
    await ending;
  }
}

async function withSession<Result>(
  database: ManagedDatabase,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { url, name } = database;
  const client = await openSession(sessionOptions(database)).catch((error: unknown) => {
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
