import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: on the page of a table people see what became of its updates, what happened to it, and what hangs on it in Postgres;
// keys of failing rows only if they may read the table.

describePages('a table', (server) => {
  let source: DeltaWriter;
  let manager: Person;
  let path: string;
  const site = useConsoleSite(server, { sidecar: { pollSeconds: 1 } }, async ({ synced }) => {
    source = await synced.lake.createTable(
      'h.t',
      { id: 'long', name: 'string' },
      `select i as id, 'n' as name from range(1200) t(i)`,
    );
    await synced.load('h.t');
    await source.append(`select 5000 as id, 'n' as name`);
    await synced.sync('h.t');
    await source.append(`select 4711 as id, 'n' as name from range(2)`);
    await refusalOf(synced.sync('h.t'));
    manager = await site.person('manager');
    await synced.admin.query(`select databricks_synced_table_add_manager('h.t', '${manager.role}');
      create index by_name on h.t (name); create view public.over_it as select id from h.t;
      create table public.notes (t_id bigint references h.t);
      grant select on h.t to databricks_superuser`);
    path = `/tables/${site.database}.h.t`;
  });

  it('lists its updates, by state, and tells all of one', async () => {
    const page = await site.visit(`${path}/updates`);
    const rows = page.locator('tbody tr');
    await rows.nth(2).waitFor();
    expect(await rows.nth(0).textContent()).toMatch(/^Failed.*By hand.*PRIMARY_KEY_CONSTRAINT_VIOLATION.*failing_keys/);
    expect(await rows.nth(1).textContent()).toMatch(/^Done.*0 to 1/);
    expect(await rows.nth(2).textContent()).toContain('1,200 rows written');
    await site.browser.check(page, 'table-updates');
    await page.getByLabel('State').selectOption('COMPLETED');
    await expect.poll(() => rows.count()).toBe(2);
    expect(new URL(page.url()).search).toBe('?state=COMPLETED');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => rows.count()).toBe(3);

    await rows.nth(0).getByRole('link').first().click();
    await page.getByText('Keys of rows concerned:').waitFor();
    await page.getByText('4711', { exact: true }).waitFor();
    await page.getByText('What to do:').waitFor();
    await page.getByRole('cell').getByText('table sync failed').waitFor();
    await site.browser.check(page, 'table-update');
    await page.getByRole('link', { name: 'All updates of this table' }).click();
    await rows.nth(2).waitFor();
  });

  it('draws lag and rows over time, with the moments at which it had failed', async () => {
    const id = await site.synced.value(`select table_id from synced_tables._tables where synced_table = 'h.t'`);
    await site.synced.admin.query(
      `insert into synced_tables._samples (table_id, sampled_at, lag_seconds, lag_versions, row_count, is_failed)
       select $1::uuid, date_trunc('minute', now()) - make_interval(mins => i), case when i < 300 then i % 100 else 0 end, 1, 900 + i, i = 200
         from generate_series(2, 1400) i where i not between 600 and 700`,
      [id],
    );
    const page = await site.visit(path);
    const lag = page.getByRole('img', { name: /^Lag from .* at most 1 min 39 s, last/ });
    await lag.waitFor();
    expect(await lag.locator('.chart-line').count()).toBe(2);
    expect(await lag.locator('.chart-failed').count()).toBeGreaterThan(0);
    const cursor = page.getByRole('slider', { name: 'Lag: moment' });
    const before = await cursor.getAttribute('aria-valuetext');
    await cursor.press('ArrowLeft');
    await expect.poll(() => cursor.getAttribute('aria-valuetext')).not.toBe(before);
    const link = page.getByRole('link', { name: 'Events of that time' }).first();
    expect(await link.getAttribute('href')).toMatch(/\/events\?table=.*&from=.*&to=/);
    await page.getByRole('heading', { name: 'Latest events' }).waitFor();
    await page.getByRole('link', { name: 'All updates' }).waitFor();
    await site.browser.check(page, 'table-overview');
    await page.getByRole('button', { name: '1 hour' }).click();
    expect(new URL(page.url()).search).toBe('?hours=1');
    await page.getByRole('img', { name: /^Rows from/ }).waitFor();
  });

  it('shows a new update on the open page', async () => {
    const page = await site.visit(`${path}/updates`);
    const rows = page.locator('tbody tr');
    await rows.nth(2).waitFor();
    await source.overwrite(`select i as id, 'x' as name from range(1300) t(i)`);
    await site.synced.sync('h.t');
    await expect.poll(() => rows.count(), { timeout: 40_000 }).toBe(4);
  });

  it('hides keys from managers who may not read it', async () => {
    const id = await site.synced.value(`select update_id from synced_tables.updates where state = 'FAILED'`);
    const page = await site.visit(`${path}/updates/${id}`, { as: manager });
    await page.getByText('GRANT SELECT ON h.t TO').waitFor();
    expect(await page.locator('body').textContent()).not.toContain('4711');
  });

  it('tells what happened to it', async () => {
    const page = await site.visit(`${path}/events`);
    await page.getByRole('button', { name: 'Errors only' }).click();
    const events = page.locator('.event-table tbody tr');
    await expect.poll(() => events.count()).toBe(1);
    expect(await events.first().textContent()).toContain('several rows with the same primary key');
    expect(await events.first().textContent()).not.toContain('4711');
  });

  it('shows what hangs on it, with the statements that make that', async () => {
    const observer = await site.person('observer');
    await site.synced.admin.query(`grant select on h.t to ${observer.role}`);
    const page = await site.visit(`${path}/objects`);
    await page.getByRole('heading', { name: 'Indexes' }).waitFor();
    await page.getByText('CREATE INDEX by_name ON h.t USING btree (name);').waitFor();
    await page.getByText(/is refused for 2 objects: .*public\.over_it/).waitFor();
    await page.getByText('A foreign key refers to the table').waitFor();
    const statements = () => page.locator('.objects pre').allTextContents();
    const before = await statements();
    const wanted = [
      /^CREATE INDEX by_name ON h\.t/,
      /^CREATE (OR REPLACE )?VIEW public\.over_it/,
      /notes.*FOREIGN KEY \(t_id\) REFERENCES h\.t/s,
      new RegExp(`^GRANT SELECT ON h\\.t TO ${observer.role}`),
      new RegExp(`add_manager\\(.*${manager.role}`),
    ];
    for (const statement of wanted) expect(before).toContainEqual(expect.stringMatching(statement));
    // A refresh keeps all of it.
    const syncedAt = () =>
      site.synced.value(`select last_sync_at from synced_tables.status where synced_table = 'h.t'`);
    const earlier = await syncedAt();
    await source.overwrite(`select i as id, 'y' as name from range(1300) t(i)`);
    await site.synced.sync('h.t', true);
    expect(await syncedAt()).not.toBe(earlier);
    await page.reload();
    await page.getByRole('heading', { name: 'Managers' }).waitFor();
    expect((await statements()).sort()).toEqual(before.sort());
    await page.getByRole('button', { name: 'Copy the statement that makes h.by_name' }).click();
    expect(await site.browser.copied(page)).toBe('CREATE INDEX by_name ON h.t USING btree (name);');
    await site.browser.check(page, 'table-objects');
  });
});
