import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { browserProgram, launchBrowser, openPage, type PageFaults } from '../support/browser.js';
import { expectWellDrawn } from '../support/console-pictures.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: one table is read, verified, used from code and scheduled in a browser, and so is a streaming table; rows and what
// differs are seen only by those who may read the table.

const [server] = postgresServers().slice(-1);
if (browserProgram === null) process.stderr.write('table-tabs.test.ts is skipped: there is no Chromium here\n');

describe.skipIf(browserProgram === null || server === undefined)('the tabs of a table', () => {
  let synced: SyncedLake;
  let browser: Browser;
  let url: string;
  let database: string;
  let page: Page;
  let faults: PageFaults;
  let managerToken: string;
  beforeAll(async () => {
    if (server === undefined) return;
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
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
    ({ url } = await synced.startSidecar());
    const keeperRole = await synced.database.createRole('keeper', 'databricks_superuser');
    const managerRole = await synced.database.createRole('manager');
    await synced.load('t.orders');
    await synced.admin.query(
      `select databricks_synced_table_add_manager('t.orders', '${managerRole}');
       grant create, usage on schema t to ${keeperRole}`,
    );
    const session = await synced.database.connectAs(keeperRole);
    await session.query(
      `select synced_tables.create_streaming_table('t.users');
       select synced_tables.apply_changes('t.users', 'lake.t.events', array['id'], sequence_by => 'seq',
         apply_as_deletes => 'op = ''D''', except_column_list => array['op', 'seq'], stored_as_scd_type => 2, name => 'users')`,
    );
    const keeperToken = await createToken(synced, keeperRole);
    managerToken = await createToken(synced, managerRole);
    browser = await launchBrowser();
    ({ page, faults } = await openPage(browser, `${url}/console/sign-in`));
    await signIn(page, keeperToken);
  });
  afterAll(async () => {
    await browser?.close();
    await synced?.[Symbol.asyncDispose]();
  });

  async function signIn(where: Page, token: string): Promise<void> {
    await where.getByLabel('Token', { exact: true }).fill(token);
    await where.getByRole('button', { name: 'Sign in' }).click();
    await where.getByRole('heading', { name: 'Tables', level: 1 }).waitFor();
  }

  const open = async (path: string, where = page) => {
    await where.goto(`${url}/console${path}`);
    await where.getByRole('heading', { level: 1 }).waitFor();
  };

  it('show rows on request, find one by key, and show long values whole', async () => {
    await open(`/tables/${database}.t.orders/rows`);
    await page.getByRole('button', { name: 'Show rows' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(51);
    // Values are texts, whatever stands in them.
    await page.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    await expectWellDrawn(page, 'rows');
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
    await open(`/tables/${database}.t.orders/verify`);
    await page.getByText('This table has not been verified yet.').waitFor();
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('Equal').first().waitFor({ timeout: 60_000 });
    const part = await synced.value(`select databricks_auth.sole_partition('t.orders'::regclass)::regclass::text`);
    await synced.admin.query(
      `begin; set local role databricks_sync; update ${part} set note = 'wrong' where id = 9; commit`,
    );
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('cell', { name: 'id = 9' }).waitFor({ timeout: 60_000 });
    await page.getByRole('cell', { name: 'wrong' }).waitFor();
    await expectWellDrawn(page, 'verify-different');
  });

  it('hide rows and what differs from who may not read the table, and say what is missing', async () => {
    const { page: other } = await openPage(browser, `${url}/console/sign-in`);
    await signIn(other, managerToken);
    await open(`/tables/${database}.t.orders/verify`, other);
    await other.getByText(/Keys and values are shown to roles that may read the table/).waitFor();
    expect(await other.getByText('wrong').count()).toBe(0);
    await open(`/tables/${database}.t.orders/rows`, other);
    await other
      .getByText(/GRANT SELECT ON t\.orders TO/)
      .first()
      .waitFor();
    expect(await other.getByRole('button', { name: 'Show rows' }).getAttribute('aria-disabled')).toBe('true');
    await expectWellDrawn(other, 'rows-refused');
    await other.context().close();
  });

  it('give code that runs as it is', async () => {
    await open(`/tables/${database}.t.orders/code`);
    const region = page.getByRole('region', { name: 'Create the same table again' });
    const statement = (await region.locator('pre').textContent()) ?? '';
    await synced.admin.query(statement.replace(`'t.orders'`, `'t.orders_again'`));
    expect(
      await synced.value(
        `select source_table_full_name from synced_tables.status where synced_table = 't.orders_again'`,
      ),
    ).toBe('lake.t.orders');
    const select = await page.getByRole('region', { name: 'Read rows' }).locator('pre').textContent();
    expect((await synced.admin.query(select ?? '')).rowCount).toBe(100);
    await synced.admin.query(
      (await page.getByRole('region', { name: 'Wait for a version of the source' }).locator('pre').textContent()) ?? '',
    );
    await expectWellDrawn(page, 'code');
  });

  it('set a schedule', async () => {
    await open(`/tables/${database}.t.orders/settings`);
    await page.getByText('There is no schedule').waitFor();
    await page.getByLabel('Cron expression').fill('*/15 * * * *');
    await page.getByRole('heading', { name: 'Next runs: every 15 minutes' }).waitFor();
    await expectWellDrawn(page, 'settings');
    await page.getByRole('button', { name: 'Set schedule' }).click();
    await page.getByText(/Runs every 15 minutes/).waitFor();
    await page.getByRole('button', { name: 'Remove schedule' }).click();
    await page.getByText('There is no schedule').waitFor();
  });

  it('show a streaming table before and after its first run, with the history of a key', async () => {
    await open(`/streaming/${database}.t.users`);
    await page.getByText('Declared, not run yet').waitFor();
    await expectWellDrawn(page, 'streaming-new');
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('SCD type 2: every state of each key').waitFor({ timeout: 60_000 });
    await page.getByText('versions 1 to 1').waitFor();
    await expectWellDrawn(page, 'streaming');
    await page.getByRole('link', { name: 'Rows' }).click();
    await page.getByLabel('id', { exact: true }).fill('a');
    await page.getByRole('button', { name: 'Find' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(3);
    await page.getByRole('link', { name: 'Code' }).click();
    const statement = await page.locator('pre').first().textContent();
    expect(statement).toContain('synced_tables.apply_changes(');
    await expectWellDrawn(page, 'streaming-code');
  });

  it('ask for nothing elsewhere, and break nothing', () => {
    expect(faults.found.filter((fault) => !/status of (400|401|403|404)/.test(fault))).toEqual([]);
  });
});
