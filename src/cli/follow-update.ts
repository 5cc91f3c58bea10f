import type pg from 'pg';
import { SIDECAR_APPLICATION } from '../sidecar/database-worker.js';
import type { ManagedDatabase } from '../sidecar/managed-databases.js';
import type { OutputOptions } from './command-options.js';
import { startProgress } from './progress.js';
import { readStatus } from './table-status.js';
import { textRecord } from './text-table.js';
import { waitForUpdate } from './wait-for-update.js';

/** Options of commands that ask for an update. */
export interface WaitCommandOptions extends OutputOptions {
  readonly wait: boolean;
  readonly timeout?: bigint;
}

export interface FollowOptions {
  readonly client: pg.Client;
  readonly database: ManagedDatabase;
  readonly updateId: string;
  /** The synced table, as the status view names it. */
  readonly name: string;
  readonly options: WaitCommandOptions;
}

/** Waits for an update that was asked for, unless told otherwise, and prints how its table stands then. */
export async function followUpdate({ client, database, updateId, name, options }: FollowOptions): Promise<void> {
  await tellIfNoSidecar(client, database, options);
  if (options.wait) {
    const progress = startProgress(options.output);
    const timeoutSeconds = options.timeout === undefined ? null : Number(options.timeout);
    await waitForUpdate({ client, updateId, name, progress, timeoutSeconds });
  }
  const status = await readStatus(client, database, name);
  const text =
    options.output === 'json'
      ? `${status.json.slice(0, -1)},"update_id":${JSON.stringify(updateId)}}`
      : textRecord([...status.values, ['update_id', updateId]]);
  process.stdout.write(`${text}\n`);
}

/** Tells whoever asked for work that nobody is there to do it yet. */
export async function tellIfNoSidecar(
  client: pg.Client,
  database: ManagedDatabase,
  options: OutputOptions,
): Promise<void> {
  if (await isSidecarConnected(client)) return;
  const notice = `No sidecar is connected to ${database.name}; the request waits in the queue. Start one with synced-tables serve.`;
  process.stderr.write(`${options.output === 'json' ? JSON.stringify({ notice }) : notice}\n`);
}

async function isSidecarConnected(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is_connected: boolean }>(
    `select exists (select from pg_stat_activity
                     where datname = current_database() and application_name like $1 || '%') as is_connected`,
    [SIDECAR_APPLICATION],
  );
  return rows[0]?.is_connected === true;
}
