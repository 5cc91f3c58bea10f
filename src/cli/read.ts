import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { type CopyStream, openCopyStream } from '../lake/engine/copy-stream.js';
import type { CopyFormat } from '../lake/engine/copy-value.js';
import type { LakeTable } from '../lake/lake-table.js';
import { copySelects, type TableRead } from '../lake/table-read.js';
import { planColumns } from '../sync/plan-target.js';
import { addConfigOption, parseCount, type SettingsOptions, settingsOf } from './command-options.js';
import { explainReadError } from './explain-read-error.js';
import { openLake } from './open-lake.js';

interface ReadOptions extends SettingsOptions {
  readonly version?: bigint;
  readonly limit?: bigint;
  readonly format: CopyFormat;
  readonly invalidCharacters: TableRead['invalidCharacters'];
}

export function addReadCommand(program: Command): void {
  const command = program
    .command('read')
    .description('Write the rows of a source table to standard output, as a sync would hand them to Postgres.')
    .argument('<source>', 'the source table, catalog.schema.table')
    .option('--version <number>', 'read this version instead of the newest', parseCount)
    .option('--limit <rows>', 'at most this many rows', parseCount)
    .addOption(new Option('--format <format>', "Postgres' COPY format").choices(['csv', 'text']).default('csv'))
    .addOption(
      new Option('--invalid-characters <way>', 'what to do with NUL characters')
        .choices(['fail', 'strip'])
        .default('fail'),
    )
    .addHelpText(
      'after',
      `
CSV begins with a line of column names. Rows come in no particular order.

Examples:
  synced-tables read lake.gold.user_profiles --limit 10
  synced-tables read lake.gold.orders --version 3 --format text | psql -c 'copy orders from stdin'
  synced-tables read lake.gold.orders | psql -c 'copy orders from stdin (format csv, header)'`,
    )
    .action(read);
  addConfigOption(command);
}

async function read(source: string, options: ReadOptions): Promise<void> {
  await using lake = await openLake(settingsOf(options, { postgres: false }));
  await writeRows(await lake.catalogs.open(source), options);
}

async function writeRows(lakeTable: LakeTable, options: ReadOptions): Promise<void> {
  const snapshot = await lakeTable.snapshot(options.version);
  const columns = planColumns(snapshot).map((column) => column.field);
  const { format, invalidCharacters, limit } = options;
  const wanted = { columns, keyColumns: [], timeseriesKey: null, invalidCharacters, format };
  try {
    await using relation = await lakeTable.openRelation(snapshot, 1);
    const connection = await lakeTable.engine.connect();
    try {
      for (const select of copySelects(relation, limit === undefined ? wanted : { ...wanted, limit })) {
        const stream = await openCopyStream(connection, select, format, lakeTable.engine.scratchFolder);
        await writeToStdout(stream);
      }
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    throw explainReadError(error, snapshot.tableName, columns);
  }
}

/** Waits for the reader at the other end: what it has not taken yet stays in the engine, not in memory here. */
async function writeToStdout({ bytes, finished }: CopyStream): Promise<void> {
  try {
    await pipeline(bytes, process.stdout, { end: false });
  } catch (error) {
    // Closing the read end stops the engine; its connection is free only when it has stopped.
    bytes.destroy();
    await finished.catch(() => {});
    // `main` has said what is wrong with standard output, or nothing if its reader has seen enough.
    if ((error as NodeJS.ErrnoException).syscall === 'write') return;
    throw error;
  }
  await finished;
}
