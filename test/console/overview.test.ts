import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';

// Goal: people see which table needs them, act on it and see what became of that, with mouse, keyboard and screen reader, and
// the page runs and loads nothing but its own.

describePages('the overview before there is a token', (server) => {
  const site = useConsoleSite(server, { isOpen: true });

  it('begins empty, with a source table to choose and the statement that syncs it', async () => {
    await site.synced.lake.createTable('gold.orders', { id: 'long' }, 'select 1 as id');
    const page = await site.visit('/');
    await page.getByRole('heading', { name: 'No table is synced yet' }).waitFor();
    await page.getByRole('link', { name: 'lake.gold.orders' }).waitFor();
    await page.getByText('No token exists.').waitFor();
    await page.getByText("source_table_full_name => 'lake.gold.orders'").waitFor();
    await site.browser.check(page, 'overview-empty');
  });

  it('puts a failure first, tells it, and forgets it once the source is mended', async () => {
    const { synced } = site;
    const { lake } = synced;
    await lake.createTable('gold.well', { id: 'long' }, 'select i as id from range(1234) t(i)');
    const source = await lake.createTable('gold.broken', { id: 'long' }, 'select 7 as id');
    await Promise.all([synced.load('gold.well'), synced.load('gold.broken')]);
    await source.append('select 7 as id');
    await expect(synced.wait(await synced.requestSync('gold.broken'))).rejects.toThrow();
    const page = await site.visit('/tables');
    const rows = page.locator('tbody tr');
    await rows.first().getByText('Failed, readable').waitFor();
    await expect.poll(() => rows.first().textContent()).toContain('PRIMARY_KEY_CONSTRAINT_VIOLATION');
    expect(await rows.last().textContent()).toContain('1,234');
    await rows.last().getByText('1,234 rows written', { exact: true }).waitFor();
    await site.browser.check(page, 'overview-failed');

    await page.getByRole('button', { name: /Failed/ }).click();
    await expect.poll(() => rows.count()).toBe(1);
    expect(new URL(page.url()).search).toBe('?group=fail');
    await rows
      .first()
      .getByRole('link', { name: /gold\.broken/ })
      .click();
    await page.getByRole('heading', { name: 'What went wrong' }).waitFor();
    await page.getByText('Keys of rows concerned:').waitFor();
    expect(await page.title()).toMatch(/^broken - Failed, readable - synced-tables$/);
    await site.browser.check(page, 'table-failed');

    await source.overwrite('select 8 as id');
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/Update [0-9a-f]{8} is queued/).waitFor();
    await page.getByText('Up to date').first().waitFor();
    expect(await page.getByRole('heading', { name: 'What went wrong' }).count()).toBe(0);
    // Back to the list as it was left.
    await page.goBack();
    await page.getByText('2 tables do not match').waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).first().click();
    const address = page.url();
    await page.getByRole('button', { name: /^Last filter: / }).click();
    await page.getByRole('button', { name: 'Clear filters' }).first().waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).first().click();
    expect(page.url()).toBe(address);
    await expect.poll(() => rows.count()).toBe(2);
  });

  it('shows what an update wrote on the open page without being asked', async () => {
    const { synced } = site;
    const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    await synced.load('gold.t');
    const page = await site.visit('/tables?q=gold.t');
    await page.getByRole('button', { name: 'Live' }).waitFor();
    await page.locator('.cell-rows').getByText('1', { exact: true }).waitFor();
    await source.append('select i + 2 as id from range(4) t(i)');
    await synced.sync('gold.t');
    await page.locator('.cell-rows').getByText('5', { exact: true }).waitFor();
  });

  it('acts on several tables at once, and says what became of each', async () => {
    const { synced } = site;
    for (const name of ['bulk.a', 'bulk.b']) {
      await synced.lake.createTable(name, { id: 'long' }, 'select 1 as id');
    }
    await Promise.all([synced.load('bulk.a'), synced.load('bulk.b')]);
    const page = await site.visit('/tables?schema=bulk');
    await page.getByRole('checkbox', { name: /bulk\.a/ }).check();
    await page.getByRole('button', { name: 'Select all 2 tables that match' }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Requested for 2 tables.').waitFor();
    await expect.poll(() => page.locator('tbody').getByText('Paused').count()).toBe(2);
    expect(await synced.value('select count(*) from synced_tables._pipelines where paused_at is not null')).toBe('2');
    await site.browser.check(page, 'overview-bulk');
  });
});

describePages('the overview of many tables', (server) => {
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    // Nothing of what is asked for here is begun: no sidecar sees it queued.
    await synced.admin.query(`do $$ begin
      for n in 1..130 loop
        perform synced_tables.create_synced_table('many.t' || n, 'lake.many.t' || n, array['id']);
      end loop;
      update synced_tables._updates set state = 'CANCELED', finished_at = clock_timestamp() where state = 'QUEUED';
    end $$`);
  });

  it('asks once for what it shows first, draws a page whole, and more of it', async () => {
    const page = await site.visit('/errors');
    await page.getByRole('heading', { name: 'Errors and help' }).waitFor();
    const asked: string[] = [];
    // Who the caller is comes last: all who need it share the request that is under way.
    await page.route(/\/synced-tables\/(me$|tables\?lag_points)/, async (route) => {
      const isList = route.request().url().includes('lag_points');
      asked.push(isList ? 'list' : 'me');
      await sleep(isList ? 500 : 2_500);
      await route.continue();
    });
    const known = page.waitForResponse(/\/me$/);
    await page.goto(page.url().replace('/errors', '/tables'));
    const rows = page.locator('tbody tr');
    await rows.nth(99).waitFor();
    await known;
    await sleep(300);
    expect(asked.slice(0, 2).toSorted()).toEqual(['list', 'me']);
    expect(asked.filter((what) => what === 'me')).toEqual(['me']);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.getByText('100 of 130').waitFor();
    await page.getByRole('checkbox', { name: /many\.t1$/ }).check();
    await page.getByRole('button', { name: 'Select all 100' }).click();
    await page.getByText('100 tables selected').first().waitFor();
    await page.getByRole('button', { name: 'Show 30 more' }).click();
    await rows.nth(129).waitFor();
    await page.goto(page.url().replace('/tables', '/errors'));
    await page.goBack();
    await rows.nth(99).waitFor();
  });
});

describePages('the overview for those who sign in', (server) => {
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    await synced.load('gold.t');
  });

  it('lets a reader read, and says of what is disabled why', async () => {
    const { synced, database } = site;
    const { role, token } = await site.person('reader');
    await synced.admin.query(`grant usage on schema gold to ${role}; grant select on gold.t to ${role}`);
    const page = await site.visit(`/tables/${database}.gold.t`, { as: null });
    // Nobody is known yet: sign-in first, and back to the page that was wanted.
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByRole('textbox', { name: 'Token' }).fill(`${token}x`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('unknown, revoked or expired').waitFor();
    await site.browser.check(page, 'sign-in-refused');
    await page.getByRole('textbox', { name: 'Token' }).fill(token);
    await page.getByRole('textbox', { name: 'Token' }).press('Enter');
    await page.getByRole('heading', { name: `${database}.gold.t` }).waitFor();
    await page.getByText(`Read only: role ${role}`).waitFor();
    const sync = page.getByRole('button', { name: 'Sync now' });
    expect(await sync.getAttribute('aria-disabled')).toBe('true');
    expect(await sync.getAttribute('title')).toContain('Your role may not');
    await site.browser.check(page, 'table-reader');
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ name: 'synced-tables', httpOnly: true, sameSite: 'Strict' }]);
    expect(
      await page.evaluate(() => `${document.cookie}${JSON.stringify(localStorage)}${location.href}`),
    ).not.toContain(token);
    // What ends the token ends the session of the open page.
    await synced.admin.query(
      `select synced_tables.revoke_token(token_id) from synced_tables.tokens where role_name = '${role}'`,
    );
    await page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 40_000 });
  });

  it('stops syncing a table, which stays for its readers', async () => {
    const { synced, database } = site;
    await synced.lake.createTable('gold.kept', { id: 'long' }, 'select i as id from range(3) t(i)');
    await synced.load('gold.kept');
    const page = await site.visit(`/tables/${database}.gold.kept`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Readers keep the rows of the last sync.').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Tables', exact: true }).waitFor();
    await expect.poll(() => page.getByRole('row', { name: /gold\.kept/ }).count()).toBe(0);
    expect(await synced.value('select count(*) from gold.kept')).toBe('3');
    expect(await synced.value(`select count(*) from synced_tables._tables where table_name = 'kept'`)).toBe('0');
  });

  it('deletes a table, and drops it only if its name is typed', async () => {
    const { synced, database } = site;
    await synced.admin.query('create view public.v as select * from gold.t');
    const page = await site.visit(`/tables/${database}.gold.t`, { width: 400, theme: 'dark' });
    await page.getByRole('button', { name: 'More actions' }).click();
    // On a telephone the bar above takes two rows, no more: what there is, and who is signed in.
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect((await page.locator('.top-bar').boundingBox())?.height).toBeLessThanOrEqual(2 * 44 + 3 * 8 + 1);
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Stop syncing and drop the table').check();
    await dialog
      .getByText(/is refused for 1 object: .*public\.v/)
      .first()
      .waitFor();
    await site.browser.check(page, 'table-delete');
    const button = dialog.getByRole('button', { name: 'Delete' });
    await dialog.getByLabel('Type t to drop it').fill('t');
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await synced.admin.query('drop view public.v');
    // What depends on the table is looked at again when the choice is made again.
    await page.waitForTimeout(1_100);
    await dialog.getByLabel('Stop syncing; the table stays').check();
    await dialog.getByLabel('Stop syncing and drop the table').check();
    await expect.poll(() => button.getAttribute('aria-disabled')).not.toBe('true');
    await button.click();
    await page.getByRole('heading', { name: 'Tables', exact: true }).waitFor();
    expect(await synced.value(`select to_regclass('gold.t')`)).toBeNull();
  });
});
