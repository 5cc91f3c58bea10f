import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type pg from 'pg';
import { SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { RowDifference } from '../core/row-difference.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { isErrorCode } from '../postgres/refusals/raised-error.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  parseCount,
  settingsOf,
} from './options/command-options.js';
import { type Progress, startProgress } from './output/progress.js';
import { textRecord, textTable } from './output/text-table.js';
import type { WaitCommandOptions } from './waiting/follow-update.js';
import { SidecarNotice } from './waiting/sidecar-notice.js';

export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description(
      'Prove that a synced table equals its source at the version it reflects, or list the rows that differ.',
    )
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .option('--no-wait', 'return as soon as the request is in the queue')
    .option('--timeout <seconds>', 'wait no longer than this; the comparison goes on', parseCount)
    .addHelpText(
      'after',
      `
Up to 20 keys that differ are listed, if your role may read the table. Exit code 1 if it differs.

Examples:
  synced-tables verify gold.user_profiles
  synced-tables verify gold.user_profiles --output json`,
    )
    .action(verify);
  addOutputOption(addDatabaseOptions(command));
}

/** A row of synced_tables.verifications. */
interface VerificationRow {
  readonly json: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly synced_version: string | null;
  readonly source_rows: string | null;
  readonly target_rows: string | null;
  readonly missing_rows: string | null;
  readonly extra_rows: string | null;
  readonly different_rows: string | null;
  readonly differences: readonly RowDifference[] | null;
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly failing_column: string | null;
  readonly failing_keys: readonly string[] | null;
}

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 100;

async function verify(name: string, options: DatabaseOptions & WaitCommandOptions): Promise<void> {
  const fullName = parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  await withDatabase(database, async (client) => {
    const { rows } = await client.query<{ id: string }>('select synced_tables.verify($1) as id', [fullName]);
    const id = rows[0]?.id ?? '';
    const progress = startProgress(options.output);
    const sidecar = new SidecarNotice({ client, database, progress });
    await sidecar.look();
    const row = options.wait
      ? await waitForVerification({ client, id, options, progress, sidecar })
      : await readVerification(client, id);
    const isOver = row.state !== 'QUEUED' && row.state !== 'RUNNING';
    if (!isOver || row.state === 'COMPLETED') {
      process.stdout.write(`${options.output === 'json' ? row.json : describe(id, row)}\n`);
    }
    if (isOver && row.error_code !== null) throw errorOf(id, row);
  });
}

async function readVerification(client: pg.Client, id: string): Promise<VerificationRow> {
  const { rows } = await client.query<VerificationRow>(
    `select row_to_json(v)::text as json, v.state, v.synced_version::text, v.source_rows::text, v.target_rows::text,
            v.missing_rows::text, v.extra_rows::text, v.different_rows::text, v.differences, v.error_code, v.message, v.remedy,
            v.failing_column, v.failing_keys
       from synced_tables.verifications v where v.verification_id = $1`,
    [id],
  );
  const [row] = rows;
  if (!row) throw syncedTablesError('VERIFICATION_NOT_FOUND', { verification: id });
  return row;
}

interface Wait {
  readonly client: pg.Client;
  readonly id: string;
  readonly options: WaitCommandOptions;
  readonly progress: Progress;
  readonly sidecar: SidecarNotice;
}

async function waitForVerification({ client, id, options, progress, sidecar }: Wait): Promise<VerificationRow> {
  const startedAt = performance.now();
  const timeoutSeconds = options.timeout === undefined ? null : Number(options.timeout);
  try {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 1.5, PAUSE_MS_MAX)) {
      const row = await readVerification(client, id);
      if (row.state !== 'QUEUED' && row.state !== 'RUNNING') return row;
      const message = row.state === 'QUEUED' ? 'Waits for a sidecar.' : 'Compares the table with its source.';
      progress.report({ message, rowsDone: null, rowsTotal: null });
      if (timeoutSeconds !== null && performance.now() - startedAt > timeoutSeconds * 1000) {
        const timeout = `${timeoutSeconds} s`;
        throw syncedTablesError('VERIFICATION_WAIT_TIMEOUT', { verification: id, state: row.state, timeout });
      }
      await sidecar.look();
      await sleep(pauseMs);
    }
  } finally {
    progress.end();
  }
}

function errorOf(id: string, { error_code: code, message, remedy, ...row }: VerificationRow): SyncedTablesError {
  if (code !== null && message !== null && isErrorCode(code)) {
    const failing = row.failing_keys && { column: row.failing_column, keys: row.failing_keys };
    return new SyncedTablesError(code, message, remedy ?? '', undefined, failing);
  }
  return syncedTablesError('VERIFICATION_FAILED', { verification: id });
}

function describe(id: string, row: VerificationRow): string {
  const record = textRecord([
    ['verification_id', id],
    ['state', row.state],
    ['synced_version', row.synced_version],
    ['source_rows', row.source_rows],
    ['target_rows', row.target_rows],
    ['missing_rows', row.missing_rows],
    ['extra_rows', row.extra_rows],
    ['different_rows', row.different_rows],
    ['message', row.message],
  ]);
  const lines = (row.differences ?? []).flatMap(differenceLines);
  if (lines.length === 0) return record;
  return `${record}\n\n${textTable(['key', 'difference', 'column', 'source', 'table'], lines, 60)}`;
}

/** One line for each column that differs; one line in all for a row that exists on one side only. */
function differenceLines({ key, difference, source, target }: RowDifference): string[][] {
  const keyText = Object.values(key).join(', ');
  if (difference !== 'different') {
    const [values, place] = difference === 'missing' ? [source, 0] : [target, 1];
    const cells = ['', ''];
    cells[place] = JSON.stringify(values);
    return [[keyText, difference, '', ...cells]];
  }
  const show = (value: string | null | undefined) => value ?? 'null';
  return Object.keys(source ?? {}).map((column) => {
    return [keyText, difference, column, show(source?.[column]), show(target?.[column])];
  });
}
