import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { examine } from '../doctor/examine.js';
import { chooseDataDir } from '../embedded/choose-data-dir.js';
import { startEmbeddedPostgres } from '../embedded/embedded-postgres.js';
import { createLogger } from '../observability/logger.js';
import { checkSettings, instanceFromEnvironment } from '../settings/load-settings.js';
import { homeDatabase } from '../sidecar/managed-databases.js';
import { startSidecar } from '../sidecar/sidecar.js';
import { addOutputOption, type OutputOptions, parsePort } from './options/command-options.js';
import { mayUse } from './tour/confirm-database.js';
import { findTables } from './tour/find-tables.js';
import { runQuickstartTour } from './tour/quickstart-tour.js';
import { untilStopped } from './waiting/until-stopped.js';

interface QuickstartOptions extends OutputOptions {
  once?: true;
  dataDir: string;
  port?: number;
  httpPort: number;
  lake?: string;
  yes?: true;
}

/** The lake that ships with the package. */
const SAMPLE_LAKE = fileURLToPath(new URL('../../examples/lake', import.meta.url));

export function addQuickstartCommand(program: Command): void {
  const command = program
    .command('quickstart')
    .description('Try it: start a Postgres of its own and a sidecar, and sync a sample lakehouse table.')
    .option('--once', 'prove the rows against the source, then exit', undefined)
    .option('--data-dir <dir>', 'where the embedded Postgres keeps its data', '.synced-tables/quickstart')
    .option('--port <number>', 'port of the embedded Postgres (default: a free one)', parsePort)
    .option('--http-port <number>', 'port of the HTTP server (default: a free one)', parsePort, 0)
    .option('--lake <dir>', 'your own lake instead of the sample: <dir>/<schema>/<table>')
    .option('--yes', 'install into the database of DATABASE_URL without asking')
    .addHelpText(
      'after',
      `
With DATABASE_URL set, that Postgres is used instead of an embedded one: in a terminal you are asked before anything is
installed there. The embedded one is a package of its own,
embedded-postgres: without both, the command says what to install.

Examples:
  synced-tables quickstart
  synced-tables quickstart --lake ~/lake --port 5433
  synced-tables quickstart --once --data-dir /tmp/try-it`,
    )
    .action(quickstart);
  addOutputOption(command);
}

async function quickstart(options: QuickstartOptions): Promise<void> {
  const stopped = untilStopped();
  const lake = options.lake ?? SAMPLE_LAKE;
  // If a program reads the result, the story is not written to the same stream.
  const isJson = options.output === 'json';
  const say = isJson ? console.error : console.log;
  // Before a server is started for nothing.
  await findTables(lake);
  await using postgres = await startPostgres(options, say);
  const settings = checkSettings({
    instances: { local: process.env.DATABASE_URL ? instanceFromEnvironment(process.env) : { url: postgres.url } },
    catalogs: { lake: { kind: 'path', root: lake } },
    api: { port: options.httpPort },
    // Made when somebody first keeps a file there, as databricks bundle does.
    workspace: { folder: path.resolve(`${options.dataDir}-workspace`) },
    sync: { poll_seconds: 1 },
  });
  if (
    postgres.isGiven &&
    !(await mayUse(homeDatabase(settings, 'local').url, { isAsked: options.yes !== true, say }))
  ) {
    process.exitCode = 1;
    return;
  }
  const sidecar = await startSidecar({ settings, logger: createLogger('warn'), portOption: '--http-port', examine });
  try {
    say(`The sidecar works; its HTTP API is described at ${sidecar.url}/docs.`);
    const tour = runQuickstartTour({
      url: postgres.url,
      isOwnServer: !postgres.isGiven,
      settings,
      lake,
      isOnce: options.once === true,
      say,
    });
    const result = await Promise.race([tour, stopped]);
    if (typeof result === 'string') return;
    if (isJson)
      console.log(
        JSON.stringify({
          database_url: postgres.url,
          http_url: sidecar.url,
          console_url: sidecar.consoleUrl,
          ...result,
        }),
      );
    if (options.once) return;
    say(`\nThe console: ${sidecar.consoleUrl}\n\nRunning until you press Ctrl-C.`);
    await stopped;
    say('\nStopping.');
  } finally {
    await sidecar.stop();
  }
}

async function startPostgres(
  options: QuickstartOptions,
  say: (text: string) => void,
): Promise<AsyncDisposable & { readonly url: string; readonly isGiven: boolean }> {
  const given = process.env.DATABASE_URL;
  if (given) return { url: given, isGiven: true, [Symbol.asyncDispose]: async () => {} };
  const dataDir = await chooseDataDir(options.dataDir);
  const isNew = !existsSync(dataDir);
  say(`Starting an embedded PostgreSQL 18 with its data in ${dataDir}${isNew ? ' (new)' : ' (used before)'}.`);
  try {
    const server = await startEmbeddedPostgres({ dataDir, port: options.port || undefined });
    return { url: server.url, isGiven: false, [Symbol.asyncDispose]: () => server.stop() };
  } catch (error) {
    // A cluster that never started is useless to the next run.
    if (isNew) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}
