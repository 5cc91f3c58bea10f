import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a server that lets a sidecar connect and refuses all else, as one out of room or after a fail-over does, is neither
// stormed nor does it fill the log; when it accepts writes again, everything goes on by itself.

const REFUSED_MS = 8_000;

describe.each(postgresServers().slice(-1))('a database that takes no writes on $name', (server) => {
  it('is asked less and less often, told once, and worked on again when it does', async () => {
    await using lake = await SyncedLake.create(server);
    const log: string[] = [];
    await lake.startSidecar({ pollSeconds: 1, onLog: (line) => log.push(line) });
    const source = await lake.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    await lake.load('gold.t');
    const set = (value: string) =>
      lake.admin.query(
        `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$;
         select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
    await lake.admin.query('set default_transaction_read_only = off');
    await set('on');
    await sleep(1_000); // connections that were cut are told, too
    log.length = 0;
    await sleep(REFUSED_MS);
    const warnings = log.filter((line) => (JSON.parse(line) as { level: number }).level >= 40);
    expect(warnings.length).toBeLessThan(6);
    await set('off');
    await source.append('select 2 as id');
    await lake.sync('gold.t');
    await eventually(async () => (await lake.status('gold.t')).row_count === '2', 'it is synced again');
  });
});
