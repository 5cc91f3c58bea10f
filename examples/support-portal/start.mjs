// npm run example:portal: the support portal with all it stands on, in one process. README.md tells what it shows.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres, startSidecar } from 'synced-tables';
import { proveRound } from './checks.mjs';
import { openIncidents } from './incidents.mjs';
import { startPortal } from './server.mjs';
import { simulate } from './simulate.mjs';

const usage = `Usage: npm run example:portal -- [options]

  --once            prove one round through lakehouse, Postgres and portal, then exit
  --port N          port of the portal (default: 8088, or a free one if that is taken)
  --data-dir DIR    where lake, Postgres and password are kept (default: .synced-tables/support-portal)
  --no-simulator    leave the lakehouse alone; "node simulate.mjs DIR/lake" then makes predictions`;
const usualPort = 8088;

const createTable = `
  SELECT synced_tables.create_synced_table('support.incidents',
           source_table_full_name  => 'lake.support.incidents',
           primary_key_columns     => ARRAY['incident_id'],
           scheduling_policy       => 'CONTINUOUS',
           extra_index_definitions => '[{"name": "incidents_by_risk", "definition": "(escalation_risk DESC)"}]')`;

const options = readOptions();
const stopped = new Promise((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => resolve(name));
});
/** Undone in reverse, whatever happens. */
const closers = [];
try {
  await run();
} catch (error) {
  const problems = error instanceof AggregateError ? error.errors : [error];
  for (const { code, message, remedy, hint } of problems) {
    console.error(`${code ? `${code}: ` : ''}${message} ${remedy ?? hint ?? ''}`.trim());
  }
  process.exitCode = 1;
} finally {
  for (const close of closers.reverse()) await close();
}

async function run() {
  const folder = path.resolve(options['data-dir']);
  const lake = path.join(folder, 'lake');
  // Postgres may run as another user, who has to get through.
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const incidents = await openIncidents(lake);
  closers.push(() => incidents.close());
  console.log(`The lake is in ${lake}: lake.support.incidents, version ${incidents.version}.`);

  console.log('Starting PostgreSQL 18 and a sidecar.');
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'postgres') });
  closers.push(() => postgres.stop());
  const adminUrl = await createDatabase(postgres.url);
  const sidecar = await startSidecar({
    settings: {
      instances: { local: { url: adminUrl } },
      catalogs: { lake: { kind: 'path', root: lake } },
      api: { port: 0 },
      log: { level: 'warn' },
    },
  });
  closers.push(() => sidecar.stop());

  const admin = new pg.Client({ connectionString: adminUrl, application_name: 'support portal: start' });
  await admin.connect();
  closers.push(() => admin.end());
  await createSyncedTable(admin);
  await admin.query(`call synced_tables.wait_for_version('support.incidents', ${incidents.version})`);
  await admin.query(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));
  const portalUrl = await givePassword(admin, adminUrl, path.join(folder, 'portal-password'));
  const portal = await startPortalSomewhere(portalUrl);
  closers.push(() => portal.stop());

  if (options.once) return proveRound({ portal, admin, portalUrl, incidents });
  await admin.end();
  if (options.simulator) {
    const simulation = new AbortController();
    const simulated = simulate(incidents, { signal: simulation.signal });
    simulated.catch(({ message }) => console.error(`The simulator has stopped: ${message}`));
    closers.push(() => {
      simulation.abort();
      return simulated.catch(() => {});
    });
  }
  console.log(`
Portal:   ${portal.url}/
Console:  ${sidecar.url}/console/tables/app.support.incidents
psql:     psql "${adminUrl}"

${options.simulator ? 'Predictions change every two seconds. ' : ''}Running until you press Ctrl-C.`);
  await stopped;
  console.log('\nStopping.');
}

function readOptions() {
  try {
    const { values } = parseArgs({
      allowNegative: true,
      options: {
        once: { type: 'boolean', default: false },
        port: { type: 'string' },
        'data-dir': { type: 'string', default: '.synced-tables/support-portal' },
        simulator: { type: 'boolean', default: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (values.port !== undefined && !/^\d{1,5}$/.test(values.port)) throw new Error('--port takes a number.');
    return values;
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

/** Makes database `app`, and lets nobody but superusers into the others. */
async function createDatabase(serverUrl) {
  const server = new pg.Client({ connectionString: serverUrl, application_name: 'support portal: start' });
  await server.connect();
  try {
    const { rowCount } = await server.query("select from pg_database where datname = 'app'");
    if (rowCount === 0) await server.query('create database app');
    await server.query('revoke connect on database postgres, template1 from public');
  } finally {
    await server.end();
  }
  return Object.assign(new URL(serverUrl), { pathname: '/app' }).href;
}

/** Asks for the synced table, unless an earlier start did. */
async function createSyncedTable(admin) {
  const { rowCount } = await admin.query("select from synced_tables.status where synced_table = 'support.incidents'");
  if (rowCount === 1) return;
  console.log(`\nCreating the synced table with plain SQL:\n${createTable};`);
  await admin.query(createTable);
}

/** Gives the portal's role its password, random and kept in a file that only its owner reads. */
async function givePassword(admin, adminUrl, file) {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  const password = readFileSync(file, 'utf8').trim();
  await admin.query(`alter role support_portal password ${pg.escapeLiteral(password)}`);
  return Object.assign(new URL(adminUrl), { username: 'support_portal', password }).href;
}

/** At the port that was asked for; else at the usual one, or at any other if that is taken. */
async function startPortalSomewhere(databaseUrl) {
  const port = options.port ?? (options.once ? '0' : String(usualPort));
  try {
    return await startPortal({ databaseUrl, port: Number(port) });
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    if (options.port === undefined) return startPortal({ databaseUrl, port: 0 });
    throw new Error(`Port ${port} is taken by another program. Choose another with --port.`);
  }
}
