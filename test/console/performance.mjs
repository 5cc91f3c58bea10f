// @ts-check
// npm run bench:console [-- --tables N] [--minutes N] [--throttle N] [--json]
//
// What the console costs a slow machine: a browser on loopback whose processor is slowed down four times, and a registry with
// many tables, written by SQL. Time until the first page can be used, from a key to what it paints, the answer of the list and
// its painting, memory after minutes of events, and how often a page asks while every table changes all the time.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { chromium } from 'playwright-core';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';
import { endSidecar, median, rounded, spawnSidecar } from '../bench/bench-sidecar.mjs';

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '5' },
    throttle: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const TABLES = Number(values.tables);
const VISITS = 5;
const TABLES_PATH = '/api/2.0/synced-tables/tables';
/** What the list's page asks for; the frame asks how many tables have failed, too. */
const LIST_PATH = `${TABLES_PATH}?lag_points`;

const folder = mkdtempSync(join(tmpdir(), 'synced-tables-bench-'));
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'lake'));
const postgres = await startEmbeddedPostgres({
  major: 18,
  dataDir: join(folder, 'postgres'),
  settings: { fsync: 'off', max_locks_per_transaction: '256' },
});
const client = new pg.Client({ connectionString: postgres.url });
await client.connect();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
/** @type {import('node:child_process').ChildProcess | null} */
let sidecar = null;
/** @type {Record<string, number>} */
const result = {};

function note(/** @type {string} */ what, /** @type {number} */ value, unit = 'ms') {
  result[`${what}_${unit}`] = rounded(value);
  if (!values.json) console.log(`${what.replaceAll('_', ' ')}: ${result[`${what}_${unit}`]} ${unit}`);
}

/** Tables that are loaded, of three states in turn, with one update each. */
async function fill() {
  await migrateDatabase(client);
  await client.query('create schema r');
  for (let n = 0; n < TABLES; n++) {
    await client.query(`select synced_tables.create_synced_table('r.t${n}', 'lake.r.t${n}', array['id'])`);
    await client.query(`create table r.t${n} (id bigint primary key)`);
  }
  // Without triggers, which would tell sidecars of each row.
  await client.query(`set session_replication_role = replica;
    update synced_tables._tables t set relation = ('r.' || t.table_name)::regclass, state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
           message = 'Equal.', synced_version = 1, source_version = 1 + length(t.table_name) % 3 / 2, row_count = 1000, last_sync_at = now();
    update synced_tables._updates set state = 'COMPLETED', started_at = now(), finished_at = now(), created_at = now();
    insert into synced_tables._table_updates (update_id, pipeline_id, requested_at, table_id, synced_table, source_table_full_name, state,
                                              method, rows_written, started_at, finished_at)
    select u.update_id, u.pipeline_id, u.created_at, t.table_id, t.synced_table, t.source_table_full_name, u.state, 'SNAPSHOT', 10, u.started_at, u.finished_at
      from synced_tables._updates u join synced_tables._tables t using (pipeline_id) on conflict do nothing;
    reset session_replication_role`);
  await client.query('vacuum analyze');
}

/** A sync of some tables, as pages hear of it. */
const syncTables = (/** @type {string} */ condition) =>
  client.query(
    `update synced_tables._tables set synced_version = synced_version + 1, source_version = source_version + 1,
            row_count = row_count + 10, last_sync_at = clock_timestamp() where ${condition}`,
  );

async function serve() {
  const child = spawnSidecar({ folder, url: postgres.url, more: '', stderr: 'pipe' });
  sidecar = child;
  if (child.stderr === null) throw new Error('the sidecar says nothing');
  for await (const line of createInterface({ input: child.stderr })) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'sidecar started') {
      child.stderr.resume();
      return url;
    }
  }
  throw new Error('the sidecar did not start');
}

/** A page on a slow machine, which has nothing in its cache; notes when its first rows are painted, and how long keys take. */
async function openSlowPage() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Number(values.throttle) });
  await page.addInitScript(`
    globalThis.keyTimes = [];
    globalThis.rowsPainted = new Promise((resolve) => {
      const look = new MutationObserver(() => {
        if (document.querySelector('tbody tr') === null) return;
        look.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
      });
      look.observe(document, { childList: true, subtree: true });
    });
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries()) if (name === 'keydown') keyTimes.push(duration);
    }).observe({ type: 'event', durationThreshold: 16, buffered: true });
  `);
  return { context, page, session };
}

/** From opening the address, and from the answer with the list, to the painted list, which then takes keys: the main thread is free. */
async function firstVisit(/** @type {string} */ url) {
  const times = [];
  const afterAnswer = [];
  const whole = [];
  const sizes = [];
  for (let n = 0; n < VISITS; n++) {
    const { context, page } = await openSlowPage();
    let bytes = 0;
    page.on('requestfinished', async (request) => {
      if (!request.url().includes('/console/')) return;
      const sent = await request.sizes().catch(() => null);
      bytes += sent === null ? 0 : sent.responseBodySize + sent.responseHeadersSize;
    });
    await page.goto(`${url}/console/tables`);
    const painted = Number(await page.evaluate('rowsPainted'));
    times.push(painted);
    const answered = await page.evaluate(
      `performance.getEntriesByType('resource').filter(({ name }) => name.includes('${LIST_PATH}'))[0].responseEnd`,
    );
    afterAnswer.push(painted - Number(answered));
    await page
      .locator('tbody tr')
      .nth(Math.min(TABLES, 100) - 1)
      .waitFor();
    whole.push(Number(await page.evaluate('performance.now()')) - Number(answered));
    await page.waitForTimeout(500);
    sizes.push(bytes);
    await context.close();
  }
  note('time_to_usable', median(times));
  note('usable_after_the_answer', median(afterAnswer));
  note('whole_page_after_the_answer', median(whole));
  note('first_load_without_data', median(sizes) / 1000, 'kB');
}

/** From the key to the frame that shows what it did, as the browser itself measures it, in steps of 8 ms. */
async function keys(/** @type {string} */ url) {
  const { context, page } = await openSlowPage();
  await page.goto(`${url}/console/tables`);
  await page.locator('tbody tr').first().waitFor();
  for (let n = 0; n < 10; n++) {
    await page.keyboard.press('j');
    await page.waitForTimeout(150);
  }
  await page.locator('input[type=search]').first().focus();
  await page.keyboard.type('r.t1 23456', { delay: 150 });
  await page.waitForTimeout(1_000);
  const times = /** @type {number[]} */ (await page.evaluate('keyTimes'));
  // Those under 16 ms are not even told.
  note('key_to_paint_median', median([...times, ...Array(Math.max(0, 20 - times.length)).fill(16)]));
  note('key_to_paint_longest', Math.max(16, ...times));
  await context.close();
}

/** The list's answer, as the server takes time for it, and what painting all of it takes. */
async function list(/** @type {string} */ url) {
  for (const [what, query] of [
    ['list_answer_of_a_page', ''],
    ['list_answer_of_all', `?page_size=${TABLES}`],
    ['list_answer_searched', '?q=t77'],
  ]) {
    const times = [];
    for (let n = 0; n < 11; n++) {
      const startedAt = performance.now();
      await (await fetch(`${url}${TABLES_PATH}${query}`)).arrayBuffer();
      times.push(performance.now() - startedAt);
    }
    note(what ?? '', median(times));
  }
  const { context, page } = await openSlowPage();
  await page.goto(`${url}/console/tables`);
  await page.locator('tbody tr').first().waitFor();
  // From the answer's arrival to the frame with its rows; the answer itself is measured above.
  const painted = `(count) => new Promise((resolve) => {
    let answeredAt = null;
    const answers = new PerformanceObserver((list) => {
      for (const { name, responseEnd } of list.getEntries()) if (name.includes('page_size=' + count)) answeredAt = responseEnd;
    });
    answers.observe({ type: 'resource' });
    const look = () => {
      const isThere = document.querySelectorAll('tbody tr').length >= count && answeredAt !== null;
      if (!isThere) return requestAnimationFrame(look);
      answers.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - answeredAt)));
    };
    look();
  })`;
  for (let count = 200; count <= TABLES; count += 100) {
    const paint = page.evaluate(`(${painted})(${count})`);
    await page.getByRole('button', { name: /^Show \d+ more/ }).click();
    const ms = Number(await paint);
    if (count === 200 || count === TABLES) note(`paint_of_${count}_rows`, ms);
  }
  await context.close();
}

/** What an open page keeps, and asks for, while one table or all of them change each second. */
async function live(/** @type {string} */ url) {
  const { context, page, session } = await openSlowPage();
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().includes('/api/')) asked += 1;
  });
  await page.goto(`${url}/console/tables`);
  await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
  const heap = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize / 1_000_000;
  };
  await sleep(3_000);
  note('heap_at_first', await heap(), 'MB');
  const during = async (
    /** @type {number} */ seconds,
    /** @type {(second: number) => string | null} */ conditionOf,
  ) => {
    asked = 0;
    const end = performance.now() + seconds * 1000;
    for (let second = 0; performance.now() < end; second++) {
      const condition = conditionOf(second);
      if (condition !== null) await syncTables(condition);
      await sleep(1_000);
    }
    return (asked / seconds) * 60;
  };
  note('requests_while_nothing_changes', await during(60, () => null), 'a_minute');
  note('requests_while_one_table_changes', await during(60, (n) => `table_name = 't${n % TABLES}'`), 'a_minute');
  note('requests_while_all_tables_change', await during(60, () => 'true'), 'a_minute');
  const minutes = Number(values.minutes);
  await during(minutes * 60, (n) => `length(table_name) % 3 = ${n % 3}`);
  note(`heap_after_${minutes}_minutes_of_events`, await heap(), 'MB');
  await context.close();
}

try {
  await fill();
  const url = await serve();
  await firstVisit(url);
  await keys(url);
  await list(url);
  await live(url);
  if (values.json) console.log(JSON.stringify(result));
} finally {
  await browser.close();
  if (sidecar) await endSidecar(sidecar);
  await client.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
