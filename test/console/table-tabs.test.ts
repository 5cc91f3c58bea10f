import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';

// Goal: one table is read, verified, used from code and scheduled in a browser, and so is a streaming table; rows and what
// differs are seen only by those who may read the table.

describePages('the tabs of a table', (server) => {
  let manager: Person;
  const site = useConsoleSite(server, {}, async ({ synced, keeper }) => {
    await synced.lake.createTable(
      't.orders',
      { id: 'long', note: 'string' },
      `select i as id, case i when 3 then null when 4 then repeat('long ', 400) when 5 then '<img src=x onerror=alert(1)>' else 'n' || i end as note
         from range(120) t(i)`,
    );
    await synced.lake.createTable(
      't.events',
      { id: 'string', name: 'string', op: 'string', seq: 'long' },
      `select * from (values ('a', 'Ann', 'I', 1), ('a', 'Anna', 'U', 2), ('b', 'Bob', 'I', 3)) t(id, name, op, seq)`,
    );
    manager = await site.person('manager');
    await synced.load('t.orders');
    await synced.admin.query(
      `select databricks_synced_table_add_manager('t.orders', '${manager.role}');
       grant create, usage on schema t to ${keeper.role}`,
    );
    const session = await synced.database.connectAs(keeper.role);
    await session.query(
      `select synced_tables.create_streaming_table('t.users');
       select synced_tables.apply_changes('t.users', 'lake.t.events', array['id'], sequence_by => 'seq',
         apply_as_deletes => 'op = ''D''', except_column_list => array['op', 'seq'], stored_as_scd_type => 2, name => 'users')`,
    );
  });
  const open = (tab: string, as = site.keeper) => site.visit(`/tables/${site.database}.t.orders/${tab}`, { as });

  it('show rows on request, find one by key, and show long values whole', async () => {
    const page = await open('rows');
    await page.getByRole('button', { name: 'Show rows' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(51);
    // Values are texts, whatever stands in them.
    await page.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    await site.browser.check(page, 'rows');
    await page.getByLabel('id', { exact: true }).fill('4');
    await page.getByRole('button', { name: 'Find' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    expect(page.url()).not.toContain('4?');
    await page.getByRole('button', { name: 'show all' }).click();
    await expect.poll(async () => (await page.getByRole('cell').last().textContent())?.length).toBeGreaterThan(1_900);
    await page.getByLabel('id', { exact: true }).fill('four');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('alert').waitFor();
  });

  it('prove the table equal, and then list what differs', async () => {
    const page = await open('verify');
    await page.getByText('This table has not been verified yet.').waitFor();
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('Equal').first().waitFor({ timeout: 60_000 });
    expect(await page.getByRole('cell').count()).toBe(0);
    const part = await site.synced.value(`select databricks_auth.sole_partition('t.orders'::regclass)::regclass::text`);
    await site.synced.admin.query(
      `begin; set local role databricks_sync; update ${part} set note = 'wrong' where id = 9; commit`,
    );
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('cell', { name: 'id = 9' }).waitFor({ timeout: 60_000 });
    // The key, and both values.
    expect(await page.getByRole('cell').allTextContents()).toEqual(['Different', 'id = 9', 'note', 'n9', 'wrong']);
    await site.browser.check(page, 'verify-different');
  });

  it('hide rows and what differs from who may not read the table, and say what is missing', async () => {
    const other = await open('verify', manager);
    await other.getByText(/Keys and values are shown to roles that may read the table/).waitFor();
    await other.getByText('Different').first().waitFor();
    const text = (await other.locator('body').textContent()) ?? '';
    for (const hidden of ['wrong', 'id = 9', 'n9']) expect(text).not.toContain(hidden);
    await other.getByRole('link', { name: 'Rows', exact: true }).click();
    await other
      .getByText(/GRANT SELECT ON t\.orders TO/)
      .first()
      .waitFor();
    expect(await other.getByRole('button', { name: 'Show rows' }).getAttribute('aria-disabled')).toBe('true');
    await site.browser.check(other, 'rows-refused');
  });

  it('say that somebody has written by hand, and what the doctor found, until an update has mended it', async () => {
    await site.synced.admin.query(`update t.orders set note = 'by hand' where id = 7`);
    const page = await open('');
    await page.getByText('Changed by hand', { exact: true }).waitFor();
    const note = page.locator('p.note').getByText(/^Changed by hand since .+, so it may differ from its source/);
    expect(await note.textContent()).toContain(`by ${await site.synced.value('select current_user')}`);
    expect(await page.getByRole('region', { name: 'What the doctor found about this table' }).count()).toBe(0);
    await page.goto(`${site.url}/console/doctor`);
    await page.getByRole('button', { name: 'Examine now' }).click();
    await page.getByRole('link', { name: 'TABLE_CHANGED_BY_HAND' }).waitFor({ timeout: 60_000 });
    await page.goto(`${site.url}/console/tables/${site.database}.t.orders`);
    const found = page.getByRole('region', { name: 'What the doctor found about this table' });
    await found.getByRole('link', { name: 'TABLE_CHANGED_BY_HAND' }).waitFor();
    // What there is to do stands in it, and nothing of other tables.
    await found.getByText(/synced-tables sync t\.orders/).waitFor();
    expect(await found.getByRole('listitem').count()).toBe(1);
    await site.browser.check(page, 'table-changed-by-hand');
    // Whoever may not ask the doctor is told of the write all the same.
    const other = await open('', manager);
    await other
      .locator('p.note')
      .getByText(/^Changed by hand since/)
      .waitFor();
    expect(await other.getByRole('region', { name: 'What the doctor found about this table' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('Up to date', { exact: true }).waitFor({ timeout: 30_000 });
    await note.waitFor({ state: 'detached' });
    expect(await site.synced.value('select note from t.orders where id = 7')).toBe('n7');
  });

  it('give code that runs as it is', async () => {
    const page = await open('code');
    const region = page.getByRole('region', { name: 'Create the same table again', exact: true });
    const statement = (await region.locator('pre').textContent()) ?? '';
    await site.synced.admin.query(statement.replace(`'t.orders'`, `'t.orders_again'`));
    expect(
      await site.synced.value(
        `select source_table_full_name from synced_tables.status where synced_table = 't.orders_again'`,
      ),
    ).toBe('lake.t.orders');
    const select = await page.getByRole('region', { name: 'Read rows' }).locator('pre').textContent();
    expect((await site.synced.admin.query(select ?? '')).rowCount).toBe(100);
    await site.synced.admin.query(
      (await page.getByRole('region', { name: 'Wait for a version of the source' }).locator('pre').textContent()) ?? '',
    );
    await site.browser.check(page, 'code');
  });

  it('set a schedule', async () => {
    const page = await open('settings');
    await page.getByText('There is no schedule').waitFor();
    await page.getByLabel('Cron expression').fill('*/15 * * * *');
    await page.getByRole('heading', { name: 'Next runs: every 15 minutes' }).waitFor();
    await site.browser.check(page, 'settings');
    await page.getByRole('button', { name: 'Set schedule' }).click();
    await page.getByText(/Runs every 15 minutes/).waitFor();
    await page.getByRole('button', { name: 'Remove schedule' }).click();
    await page.getByText('There is no schedule').waitFor();
  });

  it('show a streaming table before and after its first run, with the history of a key', async () => {
    const page = await site.visit(`/streaming/${site.database}.t.users`);
    await page.getByText('Declared, not run yet').waitFor();
    await site.browser.check(page, 'streaming-new');
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('SCD type 2: every state of each key').waitFor({ timeout: 60_000 });
    await page.getByText('versions 1 to 1').waitFor();
    await site.browser.check(page, 'streaming');
    await page.getByRole('link', { name: 'Rows' }).click();
    await page.getByLabel('id', { exact: true }).fill('a');
    await page.getByRole('button', { name: 'Find' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(3);
    await page.getByRole('link', { name: 'Code' }).click();
    const statement = await page.locator('pre').first().textContent();
    expect(statement).toContain('synced_tables.apply_changes(');
    await site.browser.check(page, 'streaming-code');
  });
});
