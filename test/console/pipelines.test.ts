import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';

// Goal: a pipeline is synced from the list, its updates are read table by table, and one of flows is built anew and deleted,
// by those who may; others are told why not.

describePages('the pages of pipelines', (server) => {
  let reader: Person;
  let flows: string;
  const site = useConsoleSite(server, {}, async ({ synced, keeper }) => {
    await synced.lake.createTable('f.orders', { id: 'long' }, 'select i as id from range(120) t(i)');
    await synced.lake.createTable('f.twice', { id: 'long' }, 'select 1 as id from range(2)');
    await synced.lake.createTable(
      'f.events',
      { id: 'string', name: 'string', seq: 'long' },
      `select * from (values ('a', 'Ann', 1), ('a', 'Anna', 2), ('b', 'Bob', 3)) t(id, name, seq)`,
    );
    reader = await site.person('reader');
    await synced.load('f.orders');
    await synced.wait(await synced.create('f.twice')).catch(() => {});
    await synced.admin.query(
      `grant create, usage on schema f to ${keeper.role}; grant usage on schema f to ${reader.role};
       grant select on f.orders to ${reader.role}`,
    );
    const session = await synced.database.connectAs(keeper.role);
    await session.query(
      `select synced_tables.create_streaming_table('f.users');
       select synced_tables.apply_changes('f.users', 'lake.f.events', array['id'], sequence_by => 'seq',
         except_column_list => array['seq'], stored_as_scd_type => 2, name => 'users')`,
    );
    flows = (await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'f.users'`)) ?? '';
    await synced.wait((await synced.value(`select synced_tables.start_update('${flows}')`)) ?? '');
  });

  it('sync from the list, and say which update was asked for', async () => {
    const page = await site.visit('/pipelines');
    const updates = () =>
      site.synced.value(`select count(*) from synced_tables.updates where synced_table = 'f.orders'`);
    await page
      .getByRole('row', { name: /f\.orders/ })
      .getByRole('button', { name: 'Sync now' })
      .click();
    await page.getByText(/Update [0-9a-f]{8} is queued/).waitFor();
    await expect.poll(updates, { timeout: 20_000 }).toBe('2');
    await site.browser.check(page, 'pipelines-sync');
  });

  it('show the updates of a pipeline with what they did to its tables', async () => {
    const page = await site.visit(`/pipelines/${flows}/updates`);
    await page.getByText('1 table', { exact: true }).first().click();
    await page.getByRole('link', { name: `${site.database}.f.users` }).waitFor();
    await page.getByText('3 rows written').waitFor();
    await site.browser.check(page, 'pipeline-updates');
    await page.getByRole('link', { name: 'Its events' }).first().click();
    await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(1);
    const failed = await site.synced.value(
      `select pipeline_id from synced_tables.status where synced_table = 'f.twice'`,
    );
    if (failed !== null) {
      await page.goto(`${site.url}/console/pipelines/${failed}/updates`);
      await page.getByRole('link', { name: 'PRIMARY_KEY_CONSTRAINT_VIOLATION' }).first().waitFor();
      await site.browser.check(page, 'pipeline-updates-failed');
    }
  });

  it('build the tables of flows anew after asking, and refuse what a pipeline of synced tables cannot', async () => {
    const page = await site.visit(`/pipelines/${flows}`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.locator('.menu-items').getByRole('button', { name: 'Full refresh' }).click();
    await page.getByText(/Its flows forget what they have read/).waitFor();
    await site.browser.check(page, 'pipeline-refresh');
    await page.locator('dialog').getByRole('button', { name: 'Full refresh' }).click();
    await page.getByText(/Update [0-9a-f]{8} is queued/).waitFor();
    const newest = () =>
      site.synced.value(
        `select full_refresh || state from synced_tables._updates where pipeline_id = '${flows}' order by created_at desc limit 1`,
      );
    await expect.poll(newest, { timeout: 30_000 }).toBe('trueCOMPLETED');
    expect(await site.synced.value('select count(*) from f.users')).toBe('3');
    const orders = await site.synced.value(
      `select pipeline_id from synced_tables.status where synced_table = 'f.orders'`,
    );
    await page.goto(`${site.url}/console/pipelines/${orders}`);
    await page.getByRole('button', { name: 'More actions' }).click();
    const remove = page.locator('.menu-items').getByRole('button', { name: 'Delete' });
    expect(await remove.getAttribute('aria-disabled')).toBe('true');
    expect(await remove.getAttribute('title')).toContain('delete its tables');
  });

  it('delete flows, and their tables only once the name is typed', async () => {
    const page = await site.visit(`/pipelines/${flows}`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.locator('.menu-items').getByRole('button', { name: 'Delete' }).click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('Delete its flows and drop the tables').check();
    await site.browser.check(page, 'pipeline-delete');
    const verb = dialog.getByRole('button', { name: 'Delete', exact: true });
    expect(await verb.getAttribute('aria-disabled')).toBe('true');
    await site.synced.admin.query('create view f.depends as select * from f.users');
    const name = (await page.getByRole('heading', { level: 1 }).textContent()) ?? '';
    await dialog.getByLabel(/^Type/).fill(name);
    await verb.click();
    await dialog.getByText(/depend on it/).waitFor();
    expect(await site.synced.value(`select to_regclass('f.users')`)).toBe('f.users');
    await site.synced.admin.query('drop view f.depends');
    await verb.click();
    await page.getByRole('heading', { name: 'Pipelines', level: 1 }).waitFor();
    expect(await site.synced.value(`select to_regclass('f.users')`)).toBeNull();
  });

  it('tell a reader what is missing', async () => {
    const other = await site.visit('/pipelines', { as: reader });
    const sync = other.getByRole('button', { name: 'Sync now' });
    await sync.waitFor();
    expect(await sync.getAttribute('aria-disabled')).toBe('true');
    expect(await sync.getAttribute('title')).toContain('f.orders');
  });
});
