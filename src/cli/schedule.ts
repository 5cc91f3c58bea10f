import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { parseSyncedTableName } from '../core/synced-table-name.js';
import { chooseDatabase } from './connect/choose-database.js';
import { withDatabase } from './connect/database-session.js';
import {
  addDatabaseOptions,
  addOutputOption,
  type DatabaseOptions,
  type OutputOptions,
  settingsOf,
} from './options/command-options.js';
import { textRecord } from './output/text-table.js';

interface ScheduleOptions extends DatabaseOptions, OutputOptions {
  readonly cron?: string;
  readonly timeZone: string;
  readonly remove?: true;
}

export function addScheduleCommand(program: Command): void {
  const command = program
    .command('schedule')
    .description("Run updates of a synced table's pipeline on a schedule, or stop doing so.")
    .argument('<synced-table>', 'its name in Postgres, schema.table')
    .addOption(new Option('--cron <expression>', 'when: minute, hour, day, month, day of the week').conflicts('remove'))
    .option('--time-zone <zone>', 'time zone of the cron expression', 'UTC')
    .option('--remove', 'remove the schedule')
    .addHelpText(
      'after',
      `
Examples:
  synced-tables schedule gold.user_profiles --cron '*/15 * * * *'
  synced-tables schedule gold.user_profiles --cron '0 9 * * MON-FRI' --time-zone Europe/Berlin
  synced-tables schedule gold.user_profiles --remove`,
    )
    .action(scheduleTable);
  addOutputOption(addDatabaseOptions(command));
}

async function scheduleTable(name: string, options: ScheduleOptions): Promise<void> {
  if (options.cron === undefined && !options.remove) {
    const reason = 'give --cron with an expression, or --remove';
    throw syncedTablesError('USAGE_INVALID', { reason, command: 'synced-tables schedule' });
  }
  const fullName = parseSyncedTableName(name);
  const database = chooseDatabase(settingsOf(options, { postgres: true }), options);
  const text = await withDatabase(database, (client) =>
    options.remove ? remove(client, fullName, options) : set(client, fullName, options),
  );
  process.stdout.write(`${text}\n`);
}

async function remove(client: pg.Client, name: string, { output }: ScheduleOptions): Promise<string> {
  const { rows } = await client.query<{ had: boolean }>('select synced_tables.remove_schedule($1) as had', [name]);
  const wasScheduled = rows[0]?.had === true;
  if (output === 'json') return JSON.stringify({ synced_table: name, was_scheduled: wasScheduled });
  return wasScheduled ? `${name} is no longer scheduled.` : `${name} had no schedule.`;
}

interface ScheduleRow {
  json: string;
  cron: string;
  time_zone: string;
  next_run_at: string | null;
  message: string | null;
}

/** A running sidecar computes the next run within a moment; without one it stays open. */
const NEXT_RUN_MS_MAX = 2_000;
const PAUSE_MS = 50;

async function set(client: pg.Client, name: string, options: ScheduleOptions): Promise<string> {
  await client.query('select synced_tables.set_schedule($1, $2, $3)', [name, options.cron, options.timeZone]);
  let row = await readSchedule(client, name);
  for (let waitedMs = 0; waitedMs < NEXT_RUN_MS_MAX && isOpen(row); waitedMs += PAUSE_MS) {
    await sleep(PAUSE_MS);
    row = await readSchedule(client, name);
  }
  if (options.output === 'json') return row?.json ?? 'null';
  return textRecord([
    ['synced_table', name],
    ['cron', row?.cron ?? null],
    ['time_zone', row?.time_zone ?? null],
    ['next_run_at', row?.next_run_at ?? null],
    ['message', isOpen(row) ? 'A sidecar works the next run out when one starts.' : (row?.message ?? null)],
  ]);
}

function isOpen(row: ScheduleRow | null): boolean {
  return row !== null && row.next_run_at === null && row.message === null;
}

async function readSchedule(client: pg.Client, name: string): Promise<ScheduleRow | null> {
  const { rows } = await client.query<ScheduleRow>(
    `select row_to_json(s)::text as json, s.cron, s.time_zone, s.next_run_at::text, s.message
       from synced_tables.schedules s where $1 = any (s.synced_tables)`,
    [name],
  );
  return rows[0] ?? null;
}
