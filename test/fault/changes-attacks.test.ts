import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { type Refusal, refusalOf } from '../support/synced-table-fixture.js';

// Goal: whatever gets in the way of applying changes, readers go on, the table keeps its rows, the reason is told, and
// the sync goes on as soon as it can.

const columns = { id: 'long', v: 'integer', filler: 'string' } as const;
const names = Object.keys(columns);
const rows = `select i as id, 0 as v, repeat('x', 100) as filler from range(3000) t(i)`;
const servers = postgresServers().slice(process.env.TEST_LONG === '1' ? 0 : -1);

describe.each(servers)('changes on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ leaseSeconds: 6 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function follow(name: string, choices = ''): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, columns, rows);
    const { rows: created } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${name}', 'lake.${name}', array['id'], scheduling_policy => 'TRIGGERED',
                                                allow_file_diff => true ${choices}) as id`,
    );
    await lake.wait(created[0]?.id ?? '');
    return source;
  }

  function commitFile(source: DeltaWriter, version: number): string {
    return path.join(source.folder, '_delta_log', `${String(version).padStart(20, '0')}.json`);
  }

  async function refusedSync(name: string): Promise<Refusal> {
    return refusalOf(lake.wait(await lake.requestSync(name)));
  }

  it.each([
    [
      'reads it',
      'select count(*) from',
      async (source: DeltaWriter) => {
        // A new column needs a lock that a reader's transaction keeps from us.
        source.changeColumns({ ...columns, more: 'string' });
        await source.append(`select 5000 as id, 1 as v, '' as filler, 'm' as more`);
      },
    ],
    [
      'has locked it against writers',
      'lock table',
      async (source: DeltaWriter) => {
        await source.append(`select 5000 as id, 1 as v, '' as filler`);
      },
    ],
  ] as const)('wait for a transaction that %s, and no reader waits for them', async (what, statement, change) => {
    const name = `a.${what.split(' ').join('_')}`;
    const source = await follow(name);
    const holder = await lake.database.connect();
    await holder.query('begin');
    await holder.query(statement === 'lock table' ? `lock table ${name} in share mode` : `${statement} ${name}`);
    await change(source);
    const update = await lake.requestSync(name);
    const reader = await lake.database.connect();
    // A reader in a queue behind us would run into this.
    await reader.query(`set lock_timeout = '10s'`);
    const until = performance.now() + 3_000;
    while (performance.now() < until) {
      expect((await reader.query(`select count(*)::int as n from ${name}`)).rows).toEqual([{ n: 3000 }]);
      await sleep(5);
    }
    expect(await lake.update(update)).toMatchObject({ state: 'RUNNING', synced_version: null });
    await holder.query('commit');
    await lake.wait(update);
    await lake.expectEqual(name, source, names);
  });

  it('end when the table is dropped while they are applied, and say so', async () => {
    const source = await follow('a.dropped');
    const holder = await lake.database.connect();
    await holder.query('begin');
    await holder.query('lock table a.dropped in share mode');
    await source.append(`select 5000 as id, 1 as v, '' as filler`);
    const update = await lake.requestSync('a.dropped');
    await eventually(
      async () =>
        (await lake.value(
          `select count(*) from pg_locks where not granted and mode = 'RowExclusiveLock'
             and database = (select oid from pg_database where datname = current_database())`,
        )) !== '0',
      'the changes wait for the lock',
    );
    await holder.query('drop table a.dropped');
    await holder.query('commit');
    const refusal = await refusalOf(lake.wait(update));
    expect(refusal.code).toBe('SYNCED_TABLE_DROPPED');
    expect(await lake.value(`select count(*) from synced_tables.status where synced_table = 'a.dropped'`)).toBe('0');
  });

  it('keep the rows when a commit is no JSON, and go on when it is mended', async () => {
    const source = await follow('a.garbage');
    await source.append(`select 5000 as id, 1 as v, '' as filler`);
    const file = commitFile(source, source.version);
    const good = readFileSync(file);
    writeFileSync(file, Buffer.concat([good.subarray(0, good.length - 20), Buffer.from('\0\u0001{{{')]));
    // Nobody is writing to it any more.
    utimesSync(file, new Date(0), new Date(0));
    writeFileSync(path.join(source.folder, '_delta_log', 'stray.json'), 'nothing of ours');
    writeFileSync(`${commitFile(source, source.version + 1)}.tmp`, '{"add":');
    const refusal = await refusedSync('a.garbage');
    expect(refusal.code).toMatch(/^DELTA_LOG_/);
    expect(await lake.value('select count(*) from a.garbage')).toBe('3000');
    writeFileSync(file, good);
    await lake.sync('a.garbage');
    await lake.expectEqual('a.garbage', source, names);
  });

  it('are refused when the source goes back to an older version, and a full refresh follows it there', async () => {
    const source = await follow('a.back');
    await source.append(`select 5000 as id, 1 as v, '' as filler`);
    await source.append(`select 5001 as id, 1 as v, '' as filler`);
    await lake.sync('a.back');
    rmSync(commitFile(source, source.version));
    const refusal = await refusedSync('a.back');
    expect(refusal.code).toBe('SOURCE_HISTORY_REWRITTEN');
    expect(await lake.value('select count(*) from a.back')).toBe('3002');
    await lake.sync('a.back', true);
    expect(await lake.value('select count(*) from a.back')).toBe('3001');
  });

  it.each(['fail', 'refresh'] as const)('notice that the version they reflect was written anew (%s)', async (way) => {
    const name = `a.rewritten_${way}`;
    const source = await follow(name, `, on_history_gap => '${way}'`);
    await source.append(`select 5000 as id, 1 as v, '' as filler`);
    await lake.sync(name);
    const file = commitFile(source, source.version);
    await source.append(`select 6000 as id, 6 as v, '' as filler`);
    // The commit after it takes its name: the number of versions is what it was.
    renameSync(commitFile(source, source.version), file);
    if (way === 'fail') expect((await refusedSync(name)).code).toBe('SOURCE_HISTORY_REWRITTEN');
    else expect(await lake.sync(name)).toMatchObject({ method: 'SNAPSHOT' });
    expect(await lake.value(`select count(*) from ${name} where id = 6000`)).toBe(way === 'fail' ? '0' : '1');
  });

  it('are applied once when several people ask for them at once', async () => {
    const source = await follow('a.asked');
    await source.append(`select 5000 as id, 1 as v, '' as filler`);
    const sessions = await Promise.all([1, 2, 3, 4].map(() => lake.database.connect()));
    const updates = await Promise.all(sessions.map((session) => lake.requestSync('a.asked', false, session)));
    for (const [index, update] of updates.entries()) await lake.wait(update, sessions[index]);
    expect(
      await lake.value(
        `select sum(rows_written) from synced_tables.updates where synced_table = 'a.asked' and method = 'CHANGES'`,
      ),
    ).toBe('1');
    await lake.expectEqual('a.asked', source, names);
  });

  /** Settings of a role are those of its next session, and the sidecar keeps some for a while. */
  async function endIdleSessions(role: string): Promise<void> {
    await lake.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where usename = $1 and datname = current_database() and state = 'idle'`,
      [role],
    );
  }

  it('are tried again while the server has no room for temporary files, and come when it has', async () => {
    const source = await follow('a.full');
    const role = new URL(lake.sidecarUrl).username;
    await lake.admin.query(`alter role ${role} set temp_file_limit = '64kB'`);
    await lake.admin.query(`alter role ${role} set work_mem = '64kB'`);
    await endIdleSessions(role);
    await source.rewriteNewestFile('* replace (v + 1 as v)');
    const update = await lake.requestSync('a.full');
    await eventually(async () => (await lake.status('a.full')).last_error_code !== null, 'it fails');
    expect(await lake.value('select sum(v) from a.full')).toBe('0');
    await lake.admin.query(`alter role ${role} reset all`);
    await endIdleSessions(role);
    await lake.wait(update);
    await lake.expectEqual('a.full', source, names);
  });
});
