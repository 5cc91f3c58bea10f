import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import type { SidecarProcess } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: sidecars that follow flows are killed at any instant under a stream of events out of order: no event is lost or
// applied twice, and the change feed of each table adds up to the table. `npm run test:kill-flows`: 100 kills a server.

const isLong = process.env.TEST_LONG === '1';
const KILLS = isLong ? 100 : 3;
/** The stream rests, and everything is compared, after so many kills. */
const KILLS_A_ROUND = isLong ? 10 : 3;
const KEYS = 40;
const EVENTS_A_BATCH = 30;
const settings = { leaseSeconds: 1, pollSeconds: 0.5 };

/** What sorting all events gives: each event has a sequence value of its own. */
const EXPECTED = {
  current: `select id, v from (select distinct on (id) * from public.events order by id, seq desc) e where op <> 'D'`,
  history: `select id, v, seq as "__START_AT", next as "__END_AT"
              from (select *, lead(seq) over (partition by id order by seq) as next from public.events) e where op <> 'D'`,
} as const;
const TABLES = ['current', 'history'] as const;

describe.each(isLong ? postgresServers() : postgresServers().slice(-1))('killed followers on $name', (server) => {
  it('apply every event once', { timeout: isLong ? 7_200_000 : 240_000 }, async () => {
    const random = new Random(propertySeed('kills of followers of flows'));
    await using lake = await SyncedLake.create(server);
    await lake.admin.query('create table public.events (id int, v text, op text, seq bigint)');
    for (const [table, type] of [
      ['current', 1],
      ['history', 2],
    ] as const) {
      await lake.admin.query(`select synced_tables.create_streaming_table('public.${table}', continuous => true)`);
      await lake.admin.query(`select synced_tables.apply_changes('public.${table}', 'public.events', array['id'], 'seq',
        apply_as_deletes => 'op = "D"', column_list => array['id', 'v'], stored_as_scd_type => ${type})`);
    }
    let sidecar: SidecarProcess = await lake.spawnSidecar(settings);
    const pending: number[] = [];
    let sequence = 0;
    const write = async (count: number, isLast: boolean): Promise<void> => {
      // Some events come much later than they happened.
      while (pending.length < count * 3) pending.push(++sequence);
      const chosen = random.shuffle(pending).slice(0, isLast ? pending.length : count);
      for (const seq of chosen) pending.splice(pending.indexOf(seq), 1);
      const values = chosen.map(
        (seq) => `(${random.below(KEYS)}, 'v${seq}', '${random.chance(0.15) ? 'D' : 'U'}', ${seq})`,
      );
      await lake.admin.query(`insert into public.events values ${values.join(', ')}`);
    };
    const difference = (table: (typeof TABLES)[number]) =>
      lake.value(`select count(*) from ((table public.${table} except all (${EXPECTED[table]}))
        union all ((${EXPECTED[table]}) except all table public.${table})) d`);
    const ways = {
      kill: async () => {
        await sidecar.kill();
        sidecar = await lake.spawnSidecar(settings);
      },
      replace: async () => {
        // The other one takes over while the first still holds its sessions.
        const next = await lake.spawnSidecar(settings);
        await sidecar.kill();
        sidecar = next;
      },
      cut: async () => {
        await lake.admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'synced-tables sidecar%'`);
      },
    };
    await write(EVENTS_A_BATCH, false);
    for (const table of TABLES) {
      await eventually(
        async () => (await lake.value(`select to_regclass('public.${table}')`)) !== null,
        `${table} is there`,
        120_000,
      );
    }
    const used: Record<string, number> = {};
    for (let done = 0; done < KILLS; ) {
      for (let nth = 0; nth < KILLS_A_ROUND; nth++, done++) {
        for (let batches = 1 + random.below(4); batches > 0; batches--) {
          await write(EVENTS_A_BATCH, false);
          await sleep(random.below(300));
        }
        const way = random.pick(['kill', 'replace', 'cut'] as const);
        used[way] = (used[way] ?? 0) + 1;
        await ways[way]();
      }
      await write(EVENTS_A_BATCH, true);
      for (const table of TABLES) {
        await eventually(
          async () => (await difference(table)) === '0',
          `${table} is equal after ${done} kills`,
          120_000,
        );
      }
    }
    for (const table of TABLES) {
      const shown = `to_jsonb(t)`;
      const feed = `select row_data as r, case when _change_type in ('insert', 'update_postimage') then 1 else -1 end as n
                      from synced_tables.table_changes('public.${table}', 1)`;
      const left = await lake.value(`select count(*) from (
        select r from (${feed} union all select ${shown}, -1 from public.${table} t) f group by r having sum(n) <> 0) d`);
      expect(left, `the change feed of ${table} adds up`).toBe('0');
    }
    const events = await lake.value('select count(*) from public.events');
    console.info(`${KILLS} kills (${JSON.stringify(used)}), ${events} events`);
  });
});
