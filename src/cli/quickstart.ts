import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { chooseDataDir } from '../embedded/choose-data-dir.js';
import { startEmbeddedPostgres } from '../embedded/embedded-postgres.js';
import { createLogger } from '../observability/logger.js';
import { settingsSchema } from '../settings/settings-schema.js';
import { startSidecar } from '../sidecar/sidecar.js';
import { runQuickstartTour } from './quickstart-tour.js';
import { untilStopped } from './until-stopped.js';

interface QuickstartOptions {
  once?: true;
  dataDir: string;
  port?: number;
  httpPort: number;
  lake?: string;
}

/** The lake that ships with the package. */
const SAMPLE_LAKE = fileURLToPath(new URL('../../examples/lake', import.meta.url));

export function addQuickstartCommand(program: Command): void {
  program
    .command('quickstart')
    .description('Try it: start a Postgres of its own and a sidecar, and sync a sample lakehouse table.')
    .option('--once', 'prove the rows against the source, then exit', undefined)
    .option('--data-dir <dir>', 'where the embedded Postgres keeps its data', '.synced-tables/quickstart')
    .option('--port <number>', 'port of the embedded Postgres (default: a free one)', parsePort)
    .option('--http-port <number>', 'port of the HTTP server (default: a free one)', parsePort, 0)
    .option('--lake <dir>', 'your own lake instead of the sample: <dir>/<schema>/<table>')
    .addHelpText(
      'after',
      `
With DATABASE_URL set, that Postgres is used instead of an embedded one.

Examples:
  synced-tables quickstart
  synced-tables quickstart --lake ~/lake --port 5433
  synced-tables quickstart --once --data-dir /tmp/try-it`,
    )
    .action(quickstart);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  return port;
}

async function quickstart(options: QuickstartOptions): Promise<void> {
  const stopped = untilStopped();
  const lake = options.lake ?? SAMPLE_LAKE;
  await using postgres = await startPostgres(options);
  const settings = settingsSchema.parse({
    instances: { local: { url: postgres.url } },
    catalogs: { lake: { kind: 'path', root: lake } },
    api: { port: options.httpPort },
    sync: { poll_seconds: 1 },
  });
  const sidecar = await startSidecar({ settings, logger: createLogger('warn'), portOption: '--http-port' });
  try {
    console.log(`The sidecar works; its health is at ${sidecar.url}/readyz.`);
    const tour = runQuickstartTour({ url: postgres.url, settings, lake, isOnce: options.once === true });
    const isStopped = (await Promise.race([tour, stopped])) !== undefined;
    if (options.once || isStopped) return;
    console.log('\nRunning until you press Ctrl-C.');
    await stopped;
    console.log('\nStopping.');
  } finally {
    await sidecar.stop();
  }
}

async function startPostgres(options: QuickstartOptions): Promise<AsyncDisposable & { readonly url: string }> {
  const given = process.env.DATABASE_URL;
  if (given) {
    console.log('Using the Postgres of DATABASE_URL.');
    return { url: given, [Symbol.asyncDispose]: async () => {} };
  }
  const dataDir = await chooseDataDir(options.dataDir);
  const isNew = !existsSync(dataDir);
  console.log(`Starting an embedded PostgreSQL 18 with its data in ${dataDir}${isNew ? ' (new)' : ' (used before)'}.`);
  try {
    return await startEmbeddedPostgres({ dataDir, port: options.port || undefined });
  } catch (error) {
    // A cluster that never started is of no use to the next run.
    if (isNew) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}
