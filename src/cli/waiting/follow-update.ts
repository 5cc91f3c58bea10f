import type pg from 'pg';
import type { ManagedDatabase } from '../../sidecar/managed-databases.js';
import type { OutputOptions } from '../options/command-options.js';
import { startProgress } from '../output/progress.js';
import { textRecord } from '../output/text-table.js';
import { readStatus } from '../queries/table-status.js';
import { SidecarNotice } from './sidecar-notice.js';
import { waitForUpdate } from './wait-for-update.js';

/** Options of commands that request an update. */
export interface WaitCommandOptions extends OutputOptions {
  readonly wait: boolean;
  readonly timeout?: bigint;
}

export interface FollowUpdateOptions {
  readonly client: pg.Client;
  readonly database: ManagedDatabase;
  readonly updateId: string;
  /** The synced table, as the status view names it. */
  readonly name: string;
  readonly options: WaitCommandOptions;
}

/** Waits for a requested update, unless the options say otherwise, and prints the table's status afterwards. */
export async function followUpdate({ client, database, updateId, name, options }: FollowUpdateOptions): Promise<void> {
  const progress = startProgress(options.output);
  const sidecar = new SidecarNotice({ client, database, progress });
  await sidecar.look();
  if (options.wait) {
    const timeoutSeconds = options.timeout === undefined ? null : Number(options.timeout);
    await waitForUpdate({ client, updateId, name, progress, timeoutSeconds, onPause: () => sidecar.look() });
  }
  const status = await readStatus(client, database, name);
  const text =
    options.output === 'json'
      ? `${status.json.slice(0, -1)},"update_id":${JSON.stringify(updateId)}}`
      : textRecord([...status.values, ['update_id', updateId]]);
  process.stdout.write(`${text}\n`);
}
