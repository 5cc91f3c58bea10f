import { describe, expect, it } from 'vitest';
import { ChangeWatch } from '../../src/api/native/stream/change-watch.js';
import { ApiDatabase } from '../../src/api/places/api-database.js';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: whoever looks on hears of what changes, only of what they may see, and of nothing once they may no longer.

const STREAM = '/api/2.0/synced-tables/stream';

/** Reads a stream in the background. */
async function listen(url: string, token: string) {
  const stop = new AbortController();
  const reply = await fetch(`${url}${STREAM}`, { headers: { authorization: `Bearer ${token}` }, signal: stop.signal });
  const heard: string[] = [];
  const ended = (async () => {
    let text = '';
    for await (const bytes of reply.body ?? []) {
      text += Buffer.from(bytes).toString();
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        if (part.startsWith('data: ')) heard.push(...(JSON.parse(part.slice(6)) as { hints: string[] }).hints);
      }
    }
  })().catch(() => {});
  return { reply, heard, ended, [Symbol.asyncDispose]: async () => stop.abort() };
}

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('tells those who may see it of what happens to a table, and nobody else', async () => {
    await using synced = await SyncedLake.create(server);
    const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    const { url } = await synced.startSidecar();
    await synced.load('gold.t', {});
    const table = await synced.value(`select table_id from synced_tables._tables`);
    const operator = await synced.database.createRole('operator', 'databricks_superuser');
    const stranger = await synced.database.createRole('stranger');
    const operatorToken = await createToken(synced, operator);
    await using seen = await listen(url, operatorToken);
    await using hidden = await listen(url, await createToken(synced, stranger));
    expect(seen.reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    // Both listeners are open once each has been told that it may have missed something.
    await expect.poll(() => seen.heard, { timeout: 30_000 }).toContain('all');
    await source.append('select 2 as id');
    const update = await synced.requestSync('gold.t');
    await synced.wait(update);
    await expect.poll(() => seen.heard, { timeout: 30_000 }).toContain(`table:${table}`);
    await expect.poll(() => seen.heard, { timeout: 30_000 }).toContain(`update:${update}`);
    await expect.poll(() => seen.heard.some((hint) => hint.startsWith('event:')), { timeout: 30_000 }).toBe(true);
    expect(hidden.heard.filter((hint) => hint !== 'all')).toEqual([]);
    // What anybody may send on the channel is not passed on.
    await synced.admin.query(`notify synced_tables_changes, 'table:<img>:'`);
    await synced.admin.query(`select synced_tables.delete_synced_table('gold.t')`);
    const before = seen.heard.length;
    await expect.poll(() => seen.heard.slice(before), { timeout: 30_000 }).toContain(`table:${table}`);
    expect(seen.heard.join()).not.toContain('<');
  });

  it('listens in one session for all who look on, and in none once they have gone', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const token = await createToken(synced, await synced.database.createRole('keeper'));
    const listening = () =>
      synced.value(
        `select count(*) from pg_stat_activity
          where datname = current_database() and query like 'listen%synced_tables_changes%'`,
      );
    await using last = await listen(url, token);
    await expect.poll(() => last.heard, { timeout: 30_000 }).toContain('all');
    await expect.poll(listening, { timeout: 30_000 }).toBe('1');
    await last[Symbol.asyncDispose]();
    await expect.poll(listening, { timeout: 30_000 }).toBe('0');
  });

  it('closes every session, also where one viewer comes as another goes', async () => {
    await using synced = await SyncedLake.create(server);
    const place = { instance: 'local', name: 'any', url: synced.sidecarUrl, directUrl: null };
    const watch = new ChangeWatch(new ApiDatabase(place), (error) => expect(error).toBeNull());
    const come = async () => {
      const heard: string[] = [];
      const leave = watch.add({ role: 'postgres', tell: (hints) => heard.push(...hints) });
      return { leave, told: () => expect.poll(() => heard, { timeout: 30_000 }).toContain('all') };
    };
    let viewer = await come();
    await viewer.told();
    for (let visits = 0; visits < 3; visits += 1) {
      viewer.leave();
      viewer = await come();
      await viewer.told();
    }
    viewer.leave();
    const listening = `select count(*) from pg_stat_activity where datname = current_database() and query like 'listen%synced_tables_changes%'`;
    await expect.poll(() => synced.value(listening), { timeout: 30_000 }).toBe('0');
  });

  it('ends when its token does', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const role = await synced.database.createRole('keeper');
    await using stream = await listen(url, await createToken(synced, role));
    await synced.admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
    await stream.ended;
    expect(await new ApiClient(url).get(STREAM)).toMatchObject({ status: 401 });
  });

  it('is there for a hundred at once, then again when one has gone', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const token = await createToken(synced, await synced.database.createRole('keeper'));
    const streams = await Promise.all(Array.from({ length: 100 }, () => listen(url, token)));
    expect(streams.every(({ reply }) => reply.status === 200)).toBe(true);
    const client = new ApiClient(url, token);
    expect(await client.get(STREAM)).toMatchObject({
      status: 503,
      body: { details: [{ reason: 'TOO_MANY_STREAMS' }, {}] },
    });
    const [first, ...others] = streams;
    await first?.[Symbol.asyncDispose]();
    await expect
      .poll(
        async () => {
          const again = await listen(url, token);
          others.push(again);
          return again.reply.status;
        },
        { timeout: 30_000 },
      )
      .toBe(200);
    for (const stream of others) await stream[Symbol.asyncDispose]();
  });

  it('lets the sidecar stop while somebody looks on', async () => {
    await using synced = await SyncedLake.create(server);
    const sidecar = await synced.startSidecar();
    const token = await createToken(synced, await synced.database.createRole('keeper'));
    await using stream = await listen(sidecar.url, token);
    await sidecar[Symbol.asyncDispose]();
    await stream.ended;
  });
});
