import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteShell } from '../../core/quote-shell.js';
import type { ManagedDatabase } from '../../sidecar/managed-databases.js';
import type { DatabaseOptions, OutputOptions } from '../options/command-options.js';
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
  readonly options: WaitCommandOptions & DatabaseOptions;
}

/** The options that select the database, as they were given. */
function commandOptions({ config, instance, database }: DatabaseOptions): string {
  return Object.entries({ config, instance, database })
    .map(([option, value]) => (value === undefined ? '' : ` --${option} ${quoteShell(value)}`))
    .join('');
}

/** Aborts at Ctrl-C. A second one ends the process at once. */
function interruptions(): { readonly signal: AbortSignal } & Disposable {
  const aborting = new AbortController();
  const onInterrupt = () => aborting.abort();
  process.once('SIGINT', onInterrupt);
  return { signal: aborting.signal, [Symbol.dispose]: () => void process.off('SIGINT', onInterrupt) };
}

/** Waits for a requested update, unless the options say otherwise, and prints the table's status afterwards. */
export async function followUpdate({ client, database, updateId, name, options }: FollowUpdateOptions): Promise<void> {
  const progress = startProgress(options.output);
  const sidecar = new SidecarNotice({ client, database, progress });
  using interrupt = interruptions();
  const { signal } = interrupt;
  await sidecar.look();
  if (options.wait) {
    const timeoutSeconds = options.timeout === undefined ? null : Number(options.timeout);
    const onPause = () => sidecar.look();
    await waitForUpdate({ client, updateId, name, progress, timeoutSeconds, signal, onPause }).catch(
      (error: unknown) => {
        if (!signal.aborted) throw error;
        const table = `${quoteShell(name)}${commandOptions(options)}`;
        const commands = { cancel: `synced-tables cancel ${table}`, get: `synced-tables get ${table}` };
        throw syncedTablesError('UPDATE_WAIT_INTERRUPTED', { update: updateId, ...commands });
      },
    );
  }
  const status = await readStatus(client, database, name);
  const text =
    options.output === 'json'
      ? `${status.json.slice(0, -1)},"update_id":${JSON.stringify(updateId)}}`
      : textRecord([...status.values, ['update_id', updateId]]);
  process.stdout.write(`${text}\n`);
}
