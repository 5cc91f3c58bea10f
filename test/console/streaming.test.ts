import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';

// Goal: of a streaming table with history, the current rows are told from the others and a key's history is read; it is built
// anew after asking; and the page of a table says what to do after a failed first copy.

describePages('the pages of streaming and of troubled tables', (server) => {
  const site = useConsoleSite(server, {}, async ({ synced, keeper }) => {
    await synced.lake.createTable(
      'h.events',
      { id: 'string', name: 'string', seq: 'long' },
      `select * from (values ('a', 'Ann', 1), ('a', 'Anna', 2), ('b', 'Bob', 3)) t(id, name, seq)`,
    );
    await synced.lake.createTable('h.orders', { id: 'long' }, 'select i as id from range(9) t(i)');
    await synced.lake.createTable(
      'h.twice',
      { id: 'long', note: 'string' },
      `select 1 as id, 'n' || i as note from range(2) t(i)`,
    );
    await synced.load('h.orders');
    await synced.wait(await synced.create('h.twice')).catch(() => {});
    await synced.admin.query(`grant create, usage on schema h to ${keeper.role}`);
    const session = await synced.database.connectAs(keeper.role);
    const { rows } = await session.query<{ id: string }>(
      `with declared as materialized (select synced_tables.create_streaming_table('h.users')),
            flow as materialized (select synced_tables.apply_changes('h.users', 'lake.h.events', array['id'], sequence_by => 'seq',
              except_column_list => array['seq'], stored_as_scd_type => 2, name => 'users') from declared)
       select 'done' as id from flow`,
    );
    expect(rows).toHaveLength(1);
    await synced.sync('h.users');
  });

  it('show current rows alone, and the history of a key', async () => {
    const page = await site.visit(`/streaming/${site.database}.h.users/rows`);
    await page.getByRole('button', { name: 'Show rows' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(4);
    await page.getByLabel('Current rows only').check();
    await page.getByRole('button', { name: 'Show them again' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(3);
    await page.getByLabel('Current rows only').uncheck();
    await page.getByLabel('id', { exact: true }).fill('a');
    await page.getByRole('button', { name: 'Find' }).click();
    const history = page.getByRole('region', { name: 'History of this key' });
    await expect
      .poll(() => history.getByRole('listitem').allTextContents())
      .toEqual(['from 1 until 2name Ann', 'from 2 until nowname Anna']);
    await site.browser.check(page, 'streaming-history');
  });

  it('draw how far a streaming table is behind, and about how many rows it has', async () => {
    const id = await site.synced.value(
      `select table_id from synced_tables._streaming_tables where table_name = 'users'`,
    );
    await site.synced.admin.query(
      `insert into synced_tables._samples (table_id, sampled_at, lag_seconds, row_count, is_failed)
       select $1::uuid, date_trunc('minute', now()) - make_interval(mins => i), case when i < 30 then 60 * i else 0 end, 40 + i, false
         from generate_series(1, 50) i on conflict do nothing`,
      [id],
    );
    const page = await site.visit(`/streaming/${site.database}.h.users?hours=1`);
    await page.getByRole('heading', { name: 'Lag and rows over time' }).waitFor();
    await page.getByRole('img', { name: /^Lag.*29 min/ }).waitFor();
    await page.getByRole('img', { name: /^Rows, as Postgres estimates them.*90 rows/ }).waitFor();
    await site.browser.check(page, 'streaming-history-chart');
  });

  it('build a streaming table anew after asking', async () => {
    const page = await site.visit(`/streaming/${site.database}.h.users`);
    await page.getByRole('button', { name: 'Full refresh' }).click();
    await page.getByText(/Its flows forget what they have read/).waitFor();
    await page.locator('dialog').getByRole('button', { name: 'Full refresh' }).click();
    await page.getByText(/Update [0-9a-f]{8} is queued/).waitFor();
    const newest = `select full_refresh || state from synced_tables._updates order by created_at desc limit 1`;
    await expect.poll(() => site.synced.value(newest), { timeout: 30_000 }).toBe('trueCOMPLETED');
  });

  it('say what can be done after a first copy that its rows made fail', async () => {
    const page = await site.visit(`/tables/${site.database}.h.twice`);
    await page.getByText(/Once the source is corrected, Sync now copies it/).waitFor();
    await site.browser.check(page, 'table-first-copy-failed');
    // Another key mends it in place.
    await page.getByRole('link', { name: 'Change its settings' }).click();
    await page.getByLabel('Add a column').selectOption('note');
    await page.getByRole('button', { name: 'Make the change' }).click();
    await page.getByText(/makes the change, or says why not/).waitFor();
    const state = `select state from synced_tables.status where synced_table = 'h.twice'`;
    await expect
      .poll(() => site.synced.value(state), { timeout: 30_000 })
      .toBe('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE');
  });
});
