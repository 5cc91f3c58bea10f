import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { runCli } from '../support/run-cli.js';

// Goal: in the catalog of the console people find a source table, see whether and how it can be synced, and what stands in
// the way, without writing to anything.

describePages('the catalog', (server) => {
  let orders: DeltaWriter;
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    const { lake } = synced;
    orders = await lake.createTable(
      'gold.orders',
      { order_id: 'long', customer: 'string', price: 'decimal(10,2)', tags: { type: 'array', elementType: 'string' } },
      `select i as order_id, 'c' || (i % 3) as customer, 1.25::decimal(10,2) as price, ['a'] as tags from range(40) t(i)`,
    );
    await lake.createTable('gold.users', { id: 'long', note: 'string' }, `select 1 as id, 'a' || chr(0) as note`);
    await lake.createTable('gold.broken', { id: 'long' });
    appendFileSync(path.join(lake.root, 'gold/broken/_delta_log/00000000000000000000.json'), '{"protocol": 7}\n');
    await lake.createTable('silver.events', { id: 'long' });
    await synced.load('shop.orders_synced', { source: 'gold.orders', key: ['order_id'] });
  });

  it('leads from the tree to a table, with its columns and modes', async () => {
    const page = await site.visit('/catalog');
    await page.getByRole('button', { name: 'Show what is in lake' }).click();
    await page.getByRole('link', { name: 'gold', exact: true }).click();
    const rows = page.getByRole('table').getByRole('row');
    await rows.nth(3).waitFor();
    expect(await rows.nth(2).getByRole('cell').allTextContents()).toEqual([
      '0',
      expect.stringMatching(/ kB$/),
      'off',
      '1',
    ]);
    expect(await rows.nth(1).textContent()).toContain('DELTA_LOG_CORRUPT');
    await site.browser.check(page, 'catalog-schema');
    await page.getByRole('table').getByRole('link', { name: 'orders' }).click();
    await page.getByRole('heading', { name: 'lake.gold.orders', level: 1 }).waitFor();
    await page.getByText('On request: by comparing files, which is slower').waitFor();
    const columns = page.getByRole('table').getByRole('row');
    expect(await columns.nth(1).textContent()).toBe('1order_idlongbigintyeslikely key');
    expect(await columns.nth(4).textContent()).toBe('4tagsarray<string>jsonbyes');
    await site.browser.check(page, 'catalog-table-feed-off');
  });

  it('copies the statement that turns the change feed on, and sees that it is on', async () => {
    const page = await site.visit('/catalog/lake/gold/orders');
    await page.getByRole('button', { name: 'Copy the statement' }).click();
    expect(await site.browser.copied(page)).toBe(
      'ALTER TABLE lake.gold.orders SET TBLPROPERTIES (delta.enableChangeDataFeed = true)',
    );
    orders.switchChangeFeedOn();
    await page.getByRole('button', { name: 'Check again' }).click();
    await page.getByText('On request: possible').waitFor();
    expect(await page.getByText('The change data feed is off').count()).toBe(0);
    await site.browser.check(page, 'catalog-table');
  });

  it('finds keys in the rows, shows some of them, and the synced tables that come from it', async () => {
    const page = await site.visit('/catalog/lake/gold/orders');
    await page.getByRole('button', { name: 'Look for keys and problems: reads 40 rows' }).click();
    await page.getByText('Read 40 rows. Unique and never null: order_id.').waitFor();
    await page.getByRole('link', { name: 'Rows' }).click();
    await page.getByRole('button', { name: 'Show 20 rows' }).click();
    await page.getByRole('cell', { name: '["a"]' }).first().waitFor();
    await site.browser.check(page, 'catalog-rows');
    await page.getByRole('region', { name: 'the rows elsewhere' }).getByRole('button', { name: 'curl' }).click();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    const env = { ...process.env, DATABRICKS_TOKEN: site.keeper.token };
    const copied = await site.browser.copied(page);
    const { stdout } = await promisify(execFile)('bash', ['-c', `${copied} --silent --fail-with-body`], { env });
    expect(JSON.parse(stdout)).toMatchObject({ columns: ['order_id', 'customer', 'price', 'tags'], version: 1 });
    await page.getByRole('button', { name: 'CLI', exact: true }).click();
    await page.getByRole('button', { name: 'Copy as CLI' }).click();
    const [, ...words] = (await site.browser.copied(page)).split(' ');
    const read = await runCli(words, { SYNCED_TABLES_LAKE: site.synced.lake.root });
    expect(read.stdout.trim().split('\n')).toHaveLength(21);
    await page.getByRole('link', { name: 'Synced tables 1' }).click();
    await page.getByRole('link', { name: /shop\.orders_synced$/ }).waitFor();
    await site.browser.check(page, 'catalog-synced');
    await page.getByRole('link', { name: 'Properties' }).click();
    await page.getByText('delta.enableChangeDataFeed').waitFor();
    await site.browser.check(page, 'catalog-properties');
  });

  it('tells which column holds what Postgres cannot store', async () => {
    const page = await site.visit('/catalog/lake/gold/users');
    await page.getByRole('button', { name: /^Look for keys/ }).click();
    await page.getByText('Column "note" of source table lake.gold.users holds NUL characters').waitFor();
  });

  it('keeps a table that cannot be read in its place, and says why', async () => {
    const page = await site.visit('/catalog/lake/gold/broken');
    await page.getByRole('alert').getByText('The log of source table lake.gold.broken is damaged').waitFor();
    expect(await page.getByRole('link', { name: 'DELTA_LOG_CORRUPT' }).getAttribute('href')).toBe(
      '/console/errors/DELTA_LOG_CORRUPT',
    );
    await site.browser.check(page, 'catalog-broken');
  });

  it('shows the tables of a database, and which of them are synced', async () => {
    const page = await site.visit(`/catalog/${site.database}/shop`);
    await page.getByRole('table').getByRole('link', { name: 'orders_synced' }).click();
    await page.getByText('It is a synced table.').waitFor();
    await site.browser.check(page, 'catalog-postgres');
  });

  it('says to a role without the right what would show it sources', async () => {
    const page = await site.visit('/catalog', { as: await site.person('reader') });
    await page.getByRole('heading', { name: 'Source tables are hidden from you' }).waitFor();
    await page
      .getByText(/GRANT databricks_superuser TO/)
      .first()
      .waitFor();
    expect(await page.getByRole('button', { name: 'Show what is in lake' }).count()).toBe(0);
    await site.browser.check(page, 'catalog-no-right');
  });

  it('says how to configure a catalog where there is none, and that a catalog is unreachable', async () => {
    const { synced, browser, keeper } = site;
    await using bare = await synced.startSidecar({ catalogs: {} });
    const page = await browser.visit(bare.url, '/catalog', keeper);
    await page.getByRole('heading', { name: 'No catalog of source tables is configured' }).waitFor();
    await site.browser.check(page, 'catalog-none');
    const gone = { gone: { kind: 'unity', uri: 'http://127.0.0.1:9' } };
    await using far = await synced.startSidecar({ catalogs: gone, storage: { attempts: 1 } });
    const unreachable = await browser.visit(far.url, '/catalog', keeper);
    await unreachable.getByRole('button', { name: 'Show what is in gone' }).click();
    await unreachable.getByRole('link', { name: 'CATALOG_UNREACHABLE' }).waitFor();
    await unreachable.getByRole('button', { name: 'Try again' }).waitFor();
    await site.browser.check(unreachable, 'catalog-unreachable');
  });
});
