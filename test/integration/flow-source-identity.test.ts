import { renameSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter, TestLake } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a version number alone is never "nothing new" for a flow. A newest commit that was written anew, and a table that
// was made anew with as many commits, are told where events may be missing, and read where everything is read.

const COLUMNS = { id: 'long', v: 'string', seq: 'long' } as const;
const row = (id: number, v: string, seq = id) => `select ${id} as id, '${v}' as v, ${seq} as seq`;

/** What happens to a source of two commits, rows 1 and 2: it has two again, in which row 2 is another. */
const CHANGES: readonly [string, (source: DeltaWriter, lake: TestLake) => Promise<void>][] = [
  ['whose newest commit was written anew', (source) => source.rewriteNewestAppend(row(2, 'other'))],
  [
    'that was dropped and made anew',
    async ({ folder }, lake) => {
      const other = await lake.createTable(`bronze.other_${path.basename(folder)}`, COLUMNS, row(1, 'a'));
      await other.append(row(2, 'other'));
      renameSync(folder, `${folder}_dropped`);
      renameSync(other.folder, folder);
    },
  ],
];

describe.each(eitherPostgresServer(import.meta.url))('identity of sources of flows on $name', (server) => {
  let lake: SyncedLake;
  let made = 0;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  const call = (sql: string) => lake.value(`select synced_tables.${sql}`);
  const rows = async (table: string) => (await lake.rows(table, ['id', 'v'])).map((values) => values.join(' '));
  const shows = (table: string, expected: string[], state = '_ONLINE_') =>
    eventually(
      async () => (await lake.status(table)).state.includes(state) && `${await rows(table)}` === `${expected}`,
      `${table} shows ${expected}`,
      30_000,
    );
  const fails = (table: string, code: string) =>
    eventually(async () => (await lake.status(table)).last_error_code === code, `${table} fails with ${code}`, 30_000);

  async function source(): Promise<{ name: string; table: string; writer: DeltaWriter }> {
    made += 1;
    const writer = await lake.lake.createTable(`bronze.s${made}`, COLUMNS, row(1, 'a'));
    return { name: `lake.bronze.s${made}`, table: `public.t${made}`, writer };
  }

  /** Reads a second commit after the first, so that a follower has looked and knows what it saw. */
  async function readTwoCommits(reading: { table: string; writer: DeltaWriter; continuous: boolean }): Promise<void> {
    const { table, writer, continuous } = reading;
    if (!continuous) await lake.sync(table);
    await shows(table, ['1 a'], continuous ? '_ONLINE_CONTINUOUS_UPDATE' : '_ONLINE_');
    await writer.append(row(2, 'b'));
    if (!continuous) await lake.sync(table);
    await shows(table, ['1 a', '2 b']);
  }

  async function declareView(pipeline: string, query: string, continuous: boolean): Promise<void> {
    const declaration = {
      tables: [{ name: [pipeline], columns: null, comment: null, tombstoneSeconds: null }],
      views: [{ name: 'seen', query }],
      flows: [
        {
          name: pipeline,
          kind: 'changes',
          target: [pipeline],
          source: { kind: 'name', parts: ['seen'], isChangeFeed: false },
          options: { keys: ['id'], sequence_by: 'seq', except_column_list: ['seq'] },
        },
      ],
    };
    await lake.admin.query(`select synced_tables.declare_pipeline($1, $2, 'public', continuous => $3)`, [
      pipeline,
      JSON.stringify(declaration),
      continuous,
    ]);
  }

  describe.each(CHANGES)('a table %s', (_, change) => {
    it.each([false, true])(
      'is told by a flow that reads rows added to it, continuous: %s',
      async (continuous) => {
        const { name, table, writer } = await source();
        await call(`create_streaming_table('${table}', continuous => ${continuous})`);
        await call(`apply_changes('${table}', '${name}', array['id'], 'seq', column_list => array['id', 'v'])`);
        await readTwoCommits({ table, writer, continuous });
        await change(writer, lake.lake);
        if (continuous) await fails(table, 'SOURCE_HISTORY_REWRITTEN');
        else expect(await refusalOf(lake.sync(table))).toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });
        expect(await rows(table)).toEqual(['1 a', '2 b']);
        await lake.sync(table, true);
        await shows(table, ['1 a', '2 other']);
      },
      60_000,
    );

    it.each([false, true])(
      'is read again by a query of all its rows, continuous: %s',
      async (continuous) => {
        const { name, table, writer } = await source();
        await declareView(table.replace('public.', ''), `select id, v, seq from ${name}`, continuous);
        await readTwoCommits({ table, writer, continuous });
        // The tie of row 2 is won by the greater text.
        await change(writer, lake.lake);
        if (!continuous) await lake.sync(table);
        await shows(table, ['1 a', '2 other']);
      },
      60_000,
    );

    it.each([false, true])(
      'is another snapshot, continuous: %s',
      async (continuous) => {
        const { name, table, writer } = await source();
        await call(`create_streaming_table('${table}', continuous => ${continuous})`);
        await call(`apply_changes_from_snapshot('${table}', '${name}', array['id'])`);
        await readTwoCommits({ table, writer, continuous });
        await change(writer, lake.lake);
        if (!continuous) await lake.sync(table);
        await shows(table, ['1 a', '2 other']);
      },
      60_000,
    );
  });
});
