import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eventually } from '../support/synced-lake.js';

const run = promisify(execFile);

// Goal: in the console people create a synced table of a source that they have only just found, know before what it will
// meet, and take the way around that they are offered.

describePages('creating', (server) => {
  let orders: DeltaWriter;
  const site = useConsoleSite(server, {}, async ({ synced: { lake } }) => {
    orders = await lake.createTable(
      'gold.orders',
      { order_id: 'long', customer: 'string' },
      `select i as order_id, 'c' || (i % 3) as customer from range(40) t(i)`,
    );
    await lake.createTable(
      'gold.visits',
      { visitor: 'long', page: 'string', at: 'timestamp' },
      `select nullif(i // 2, 4) as visitor, case when i = 3 then 'a' || chr(0) else 'p' end as page,
              timestamp '2026-01-01' + to_seconds(i) as at from range(10) t(i)`,
    );
  });

  const createButton = (page: Page) => page.getByRole('button', { name: 'Create', exact: true });
  // While rows are read it can be pressed too; but once they are, it looks again for a moment, and a click would be lost.
  const isReady = async (page: Page) => {
    const create = page.locator('main:not(:has(.progress)) button[aria-disabled=false]', { hasText: /^Create$/ });
    await create.waitFor({ timeout: 30_000 });
  };

  it('leads from nothing to a table that has the rows of its source', async () => {
    const page = await site.visit('/create');
    // A single catalog with a single schema is open.
    await page.getByRole('link', { name: 'orders' }).waitFor();
    await site.browser.check(page, 'create-empty');
    await page.getByRole('link', { name: 'orders' }).click();
    await page.getByText('2 columns, all of them possible').waitFor();
    await page.getByRole('button', { name: 'Take order_id out of the key' }).waitFor();
    await page
      .getByText('0 keys with several rows, 0 rows without key.')
      .or(page.getByText('is free'))
      .first()
      .waitFor();
    await isReady(page);
    await site.browser.check(page, 'create-ready');
    await createButton(page).click();
    await page.getByRole('heading', { name: `${site.database}.gold.orders_synced`, level: 1 }).waitFor();
    await eventually(
      async () => (await site.synced.status('gold.orders_synced')).row_count === '40',
      'its rows are there',
    );
    await site.synced.expectEqual('gold.orders_synced', orders, ['order_id', 'customer']);
  });

  it('proposes a way around each thing that is in the way, until nothing is', async () => {
    const page = await site.visit('/create?source=lake.gold.visits&key=visitor');
    await page.getByText('4 primary keys (visitor) occur in several rows').waitFor();
    await page.getByText('holds NUL characters').waitFor();
    expect(await createButton(page).getAttribute('aria-disabled')).toBe('true');
    await site.browser.check(page, 'create-stops');
    await page.getByRole('button', { name: 'Keep the row with the greatest at' }).click();
    await page.getByRole('button', { name: 'Leave these characters out' }).click();
    await page.getByText('of each, the row with the greatest at is kept').waitFor();
    await page.getByRole('checkbox', { name: 'I know' }).check();
    await isReady(page);
    await site.browser.check(page, 'create-warnings');
    await createButton(page).click();
    await page.getByRole('heading', { name: `${site.database}.gold.visits_synced`, level: 1 }).waitFor();
    await eventually(
      async () => (await site.synced.status('gold.visits_synced')).row_count === '4',
      'one row a key is there',
    );
    expect(await site.synced.rows('gold.visits_synced', ['visitor', 'page'])).toEqual([
      ['0', 'p'],
      ['1', 'a'],
      ['2', 'p'],
      ['3', 'p'],
    ]);
  });

  it('takes some of the columns and rows, and says where a filter does not fit', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&key=order_id&target=${site.database}.gold.part`);
    await page.getByText('All columns, also those').click();
    expect(await page.getByRole('checkbox', { name: 'order_id' }).isDisabled()).toBe(true);
    await page.getByRole('checkbox', { name: 'customer' }).uncheck();
    await page.getByText('1 of 2 columns').waitFor();
    const filter = page.getByRole('textbox', { name: 'Only rows for which' });
    await filter.fill('customer = "c1" and nope = 1');
    await page.getByText('the source has no column "nope" (at character 21)').first().waitFor();
    expect(await createButton(page).getAttribute('aria-disabled')).toBe('true');
    await filter.fill('customer = "c1"');
    await isReady(page);
    await page.getByText(/Files that may hold such rows: 1 of 1, (\S+ \S+) of \1\./).waitFor();
    await site.browser.check(page, 'create-part');
    await createButton(page).click();
    await page.getByRole('heading', { name: `${site.database}.gold.part`, level: 1 }).waitFor();
    await eventually(async () => (await site.synced.status('gold.part')).row_count === '13', 'its rows are there');
    await site.synced.expectEqual('gold.part', orders, ['order_id'], `where customer = 'c1'`);
    await page
      .getByRole('link', { name: 'Settings' })
      .or(page.getByRole('tab', { name: 'Settings' }))
      .first()
      .click();
    await page.getByText('customer = "c1"').waitFor();
  });

  it('offers to compare files, or the statement for a change feed, for a mode that needs one', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.gold.on_request`);
    await page.getByRole('radio', { name: /^On request/ }).check();
    await page.getByRole('heading', { name: 'In the way' }).waitFor();
    await site.browser.check(page, 'create-feed-off');
    await page.getByRole('button', { name: 'Compare files instead, which is slower' }).click();
    await isReady(page);
    await page.getByText('its changes are found by comparing files').waitFor();
    orders.switchChangeFeedOn();
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByText('its changes are found by comparing files').waitFor({ state: 'detached' });
    await isReady(page);
    await createButton(page).click();
    await page.getByRole('heading', { name: `${site.database}.gold.on_request`, level: 1 }).waitFor();
  });

  it('takes types, columns and indexes from fields', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.gold.shaped`);
    await isReady(page);
    await page.getByText('Options', { exact: true }).first().click();
    const list = (name: string) => page.getByRole('group', { name, exact: true });
    const types = list('Types other than the usual ones');
    await types.getByRole('button', { name: 'Add' }).click();
    await types.getByRole('textbox', { name: 'Size' }).fill('40');
    await types.getByRole('combobox', { name: 'Type' }).selectOption('varchar');
    await types.getByRole('combobox', { name: 'Column' }).fill('customer');
    const columns = list('Columns that only Postgres has');
    await columns.getByRole('button', { name: 'Add' }).click();
    await columns.getByRole('textbox', { name: 'Column' }).fill('loaded_at');
    await columns.getByRole('textbox', { name: 'Type' }).fill('timestamptz');
    await columns.getByRole('textbox', { name: 'Expression' }).fill('now()');
    const indexes = list('Indexes made with the first load');
    await indexes.getByRole('button', { name: 'Add' }).click();
    await indexes.getByRole('button', { name: 'Remove' }).click();
    await indexes.getByRole('button', { name: 'Add' }).click();
    await indexes.getByRole('textbox', { name: 'Name' }).fill('by_customer');
    await indexes.getByRole('textbox', { name: 'Definition' }).fill('USING btree (customer)');
    await site.browser.check(page, 'create-lists');
    await isReady(page);
    await createButton(page).click();
    await page.getByRole('heading', { name: `${site.database}.gold.shaped`, level: 1 }).waitFor();
    const shape = `select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attname) from pg_attribute
                    where attrelid = to_regclass('gold.shaped') and attname in ('customer', 'loaded_at')`;
    await expect
      .poll(() => site.synced.value(shape), { timeout: 30_000 })
      .toBe('customer character varying(40), loaded_at timestamp with time zone');
    expect(await site.synced.value(`select to_regclass('gold.by_customer') is not null`)).toBe('true');
  });

  it('leads back to the draft where the first copy is refused after all', async () => {
    const index = [{ name: 'by_nothing', definition: 'USING btree (nothing)' }];
    const query = new URLSearchParams({ source: 'lake.gold.orders', indexes: JSON.stringify(index) });
    const page = await site.visit(`/create?${query}&target=${site.database}.gold.refused`);
    await isReady(page);
    await createButton(page).click();
    await page.getByRole('heading', { name: 'What happened to it' }).waitFor();
    await page
      .getByText(/cannot have its extra index "by_nothing"/)
      .first()
      .waitFor();
    await site.browser.check(page, 'table-gone');
    await page.getByRole('link', { name: 'Back to the draft' }).click();
    await isReady(page);
    expect(await page.getByRole('textbox', { name: 'Table', exact: true }).inputValue()).toBe('refused');
  });

  it('checks without creating, and names what was refused at its field', async () => {
    await site.synced.admin.query('create schema taken; create table taken.orders (id int)');
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.taken.orders`);
    await page.getByText('In the way').waitFor();
    await page.getByRole('button', { name: 'Check without creating' }).click();
    await page.getByRole('alert').first().waitFor();
    await site.browser.check(page, 'create-refused');
    await page.getByRole('textbox', { name: 'Schema' }).fill('free');
    await isReady(page);
    await page.getByText('The schema does not exist yet. It is made for you.').waitFor();
    await page.getByRole('button', { name: 'Check without creating' }).click();
    await page.getByText('The check passed. Nothing was created.').waitFor();
    expect(await site.synced.value(`select count(*) from synced_tables._tables where schema_name = 'free'`)).toBe('0');
  });

  it('keeps the draft in the address, through a reload and in a copy of it', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.gold.mine`);
    await isReady(page);
    // Whoever has a key is not asked for another.
    const proposals = page.locator('.proposals');
    expect(await proposals.count()).toBe(0);
    await page.getByRole('button', { name: 'Take order_id out of the key' }).click();
    await proposals.getByRole('button', { name: 'order_id' }).click();
    await proposals.waitFor({ state: 'detached' });
    await page.getByRole('textbox', { name: 'Table', exact: true }).fill('handed_on');
    await page.getByRole('combobox', { name: 'When' }).selectOption('Custom schedule');
    await page.getByRole('textbox', { name: 'Minute, hour, day' }).waitFor();
    await page.getByRole('combobox', { name: 'When' }).selectOption('daily');
    await page.getByText('Next runs:').waitFor();
    await page.getByText('Options', { exact: true }).first().click();
    await page.getByRole('checkbox', { name: 'Load over more connections' }).check();
    await site.browser.check(page, 'create-options');
    const address = new URL(page.url());
    await page.reload();
    const copy = await site.visit(`${address.pathname.slice('/console'.length)}${address.search}`);
    for (const each of [page, copy]) {
      await isReady(each);
      expect(await each.getByRole('textbox', { name: 'Table', exact: true }).inputValue()).toBe('handed_on');
      expect(await each.getByRole('combobox', { name: 'When' }).inputValue()).toBe('daily');
    }
  });

  it('gives statements that make the very table, as they are copied', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.gold.by_statement`);
    await isReady(page);
    await page.getByRole('button', { name: 'SQL', exact: true }).click();
    await page.getByRole('button', { name: 'Copy as SQL' }).click();
    const sql = await site.browser.copied(page);
    await run('psql', ['--no-psqlrc', '--set=ON_ERROR_STOP=1', site.synced.database.url, '-c', sql]);
    await eventually(
      async () => (await site.synced.status('gold.by_statement')).row_count === '40',
      'its rows are there',
    );
  });

  it('can be read, but not used, by a role that may not create', async () => {
    const reader = await site.person('reader');
    const page = await site.visit('/create?source=lake.gold.orders', { as: reader });
    await page.getByRole('alert').first().waitFor();
    expect(await createButton(page).getAttribute('aria-disabled')).toBe('true');
    expect(await createButton(page).getAttribute('title')).toContain('GRANT databricks_superuser TO');
    await page.getByRole('button', { name: 'Copy a link for somebody who may' }).click();
    expect(await site.browser.copied(page)).toBe(`${site.url}/console/create?source=lake.gold.orders`);
    await site.browser.check(page, 'create-no-right');
  });

  it('needs no mouse', async () => {
    const page = await site.visit(`/create?source=lake.gold.orders&target=${site.database}.gold.by_keyboard`);
    await isReady(page);
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null;
        return (label ?? element?.getAttribute('aria-label') ?? element?.textContent ?? '').trim();
      });
    const passed: string[] = [];
    for (let name = await focused(); name !== 'Create'; name = await focused()) {
      passed.push(name);
      expect(passed.length, passed.join(' | ')).toBeLessThan(80);
      await page.keyboard.press('Tab');
    }
    expect(passed).toEqual(expect.arrayContaining(['Source table', 'Schema', 'Table', 'Check without creating']));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `${site.database}.gold.by_keyboard`, level: 1 }).waitFor();
  });

  it('treats names and values as text, on the page as in what is copied', async () => {
    const names = ['<img src=x onerror=alert(1)>', `it's "the key"`, 'שלום ✓ 🙂', 'é'.repeat(31)];
    const [html = '', key = '', odd = '', long = ''] = names;
    const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`);
    const table = await site.synced.lake.createTable(
      'gold.hostile',
      Object.fromEntries(names.map((name) => [name, name === key ? 'long' : 'string'])),
      `select '<script>alert(1)</script>' as ${quoted[0]}, i as ${quoted[1]}, '"; drop table x; --' as ${quoted[2]},
              chr(8238) || 'abc' as ${quoted[3]} from range(3) t(i)`,
    );
    const catalog = await site.visit('/catalog/lake/gold/hostile?tab=rows');
    await catalog.getByRole('button', { name: 'Show 20 rows' }).click();
    await catalog.getByRole('cell', { name: '<script>alert(1)</script>' }).first().waitFor();
    await catalog.getByRole('columnheader', { name: html }).waitFor();
    await site.browser.check(catalog, 'catalog-hostile');
    const ways = { SQL: 'hostile_sql', curl: 'hostile_curl' } as const;
    for (const [form, name] of Object.entries(ways)) {
      const query = new URLSearchParams({ source: 'lake.gold.hostile', target: `${site.database}.gold.${name}`, key });
      const page = await site.visit(`/create?${query}`);
      await isReady(page);
      await page.getByRole('button', { name: `Take ${key} out of the key` }).waitFor();
      await page.getByRole('button', { name: form, exact: true }).click();
      await page.getByRole('button', { name: `Copy as ${form}` }).click();
      const copied = await site.browser.copied(page);
      if (form === 'SQL') await site.browser.check(page, 'create-hostile');
      if (form === 'SQL')
        await run('psql', ['--no-psqlrc', '--set=ON_ERROR_STOP=1', site.synced.database.url, '-c', copied]);
      else {
        const env = { ...process.env, DATABRICKS_TOKEN: site.keeper.token };
        await run('bash', ['-c', `${copied} --silent --fail-with-body`], { env });
      }
      await eventually(async () => (await site.synced.status(`gold.${name}`)).row_count === '3', 'its rows are there');
    }
    expect(table.version).toBe(0);
    expect(
      (await site.synced.admin.query('select * from gold.hostile_curl')).fields.map((field) => field.name),
    ).toEqual([html, key, odd, long]);
  });
});
