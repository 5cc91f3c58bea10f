import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';
import { eventually } from '../support/synced-lake.js';

// Goal: a table is changed in place, renamed and freed of its updates in a browser, by whoever may: each change says what it
// takes beforehand, is refused at its field, and shows once it is made.

describePages('changing a table', (server) => {
  let manager: Person;
  let reader: Person;
  const site = useConsoleSite(server, {}, async ({ synced, keeper }) => {
    await synced.lake.createTable(
      'c.orders',
      { id: 'long', name: 'string', region: 'string' },
      `select i as id, 'n' || i as name, case when i < 4 then 'EU' else 'US' end as region from range(10) t(i)`,
    );
    await synced.lake.createTable('c.others', { id: 'long' }, 'select i as id from range(3) t(i)');
    await synced.load('c.orders');
    await synced.load('c.others');
    manager = await site.person('manager');
    reader = await site.person('reader');
    await synced.admin.query(`select databricks_synced_table_add_manager('c.orders', '${manager.role}');
      grant create, usage on schema c to ${keeper.role};
      grant usage on schema c to ${reader.role}; grant select on c.orders to ${reader.role}`);
  });
  const place = (rest: string, table = 'c.orders') => `/tables/${site.database}.${table}${rest}`;
  const setting = (column: string) =>
    site.synced.value(
      `select ${column} from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
        where t.table_id = (select min(table_id::text)::uuid from synced_tables._tables where source_table_full_name = 'lake.c.orders')`,
    );

  it('says beforehand what it takes, and shows it once it is made', async () => {
    const page = await site.visit(place('/settings'));
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    const save = page.getByRole('button', { name: 'Make the change' });
    expect(await save.getAttribute('title')).toBe('Nothing is changed yet.');
    await page.getByLabel(/^On request/).check();
    const cost = page.getByRole('region', { name: 'What the change takes' });
    await cost.getByText(/The changes since the last sync are applied/).waitFor();
    await site.browser.check(page, 'settings-change');
    await save.click();
    // Its source records no changes, which the request tells at once, at its field.
    await page
      .locator('.field-error')
      .getByText(/change data feed|changes/i)
      .waitFor();
    expect(await setting('scheduling_policy')).toBe('SNAPSHOT');
    await page.getByLabel(/^Find changes by comparing files/).check();
    await page.getByLabel('Only rows for which').fill(`region = 'EU'`);
    await page.getByText('All columns, also those').click();
    await page.getByLabel('region', { exact: true }).uncheck();
    await cost.getByText(/All rows are copied again/).waitFor();
    await save.click();
    await page.getByText(/Update [0-9a-f]{8} makes the change, or says why not/).waitFor();
    // The page shows it without being asked again.
    await page.getByText(`region = 'EU'`).waitFor({ timeout: 30_000 });
    await page.locator('.fact', { hasText: 'Columns' }).getByText('id, name', { exact: true }).waitFor();
    await page
      .locator('.fact', { hasText: 'Changes' })
      .getByText(/found by comparing files/)
      .waitFor();
    expect(await site.synced.value('select count(*) from c.orders')).toBe('4');
    expect(await setting('scheduling_policy')).toBe('TRIGGERED');
    await page.getByRole('link', { name: 'See it' }).click();
    await page.getByText('Done').first().waitFor();
    await page
      .getByText('CHANGE')
      .or(page.getByText(/change/i))
      .first()
      .waitFor();
  });

  it('tells of a change that the rows of the source refuse, and leaves the table as it was', async () => {
    const page = await site.visit(place('/settings?change=1'));
    await page.getByLabel('Add a column').selectOption('region');
    await page.getByRole('button', { name: 'Take id out of the key' }).click();
    await page.getByRole('button', { name: 'Make the change' }).click();
    await page.getByRole('link', { name: 'See it' }).click();
    await page.getByText('PRIMARY_KEY_CONSTRAINT_VIOLATION').first().waitFor({ timeout: 30_000 });
    expect(await setting('primary_key_columns')).toBe('id');
    expect(await site.synced.value('select count(*) from c.orders')).toBe('4');
  });

  it('lets managers change how it is synced, and nobody else', async () => {
    const page = await site.visit(place('/settings?change=1'), { as: manager });
    await page.getByText(/is changed by its creator and by members of databricks_superuser/).waitFor();
    expect(await page.getByLabel('Source table').isDisabled()).toBe(true);
    expect(await page.getByLabel('Only rows for which').isDisabled()).toBe(true);
    await page.getByText('Options', { exact: true }).first().click();
    await page.getByLabel('Load over more connections').check();
    await page.getByText('No row is copied, and readers notice nothing.').waitFor();
    await site.browser.check(page, 'settings-change-manager');
    await page.getByRole('button', { name: 'Make the change' }).click();
    await expect.poll(() => setting('accelerated_sync'), { timeout: 20_000 }).toBe('true');
    const other = await site.visit(place('/settings?change=1'), { as: reader });
    const change = other.getByRole('button', { name: 'Change', exact: true });
    expect(await change.getAttribute('title')).toMatch(/Your role may not change this table/);
    await change.dispatchEvent('click');
    expect(await other.getByRole('button', { name: 'Make the change' }).count()).toBe(0);
  });

  it('cancels what runs and waits, after asking', async () => {
    const page = await site.visit(place(''));
    const choose = async (word: string) => {
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.locator('.menu-items').getByRole('button', { name: word }).click();
    };
    await choose('Cancel updates');
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/Nothing of them becomes visible/).waitFor();
    await site.browser.check(page, 'table-cancel');
    await dialog.getByRole('button', { name: 'Cancel updates' }).click();
    await page.getByText('No update ran or waited.').waitFor();
    const blocker = await site.synced.database.connect();
    await blocker.query('begin; lock table c.orders in access share mode');
    try {
      const id = await site.synced.value(`select synced_tables.sync_now('c.orders', full_refresh => true)`);
      const state = () => site.synced.value('select state from synced_tables.updates where update_id = $1', [id]);
      await eventually(async () => (await state()) === 'RUNNING', 'it runs');
      await choose('Cancel updates');
      await dialog.getByRole('button', { name: 'Let them go on' }).click();
      expect(await state()).toBe('RUNNING');
      await choose('Cancel updates');
      await dialog.getByRole('button', { name: 'Cancel updates' }).click();
      await page.getByText('1 update canceled.').waitFor();
      expect(await state()).toBe('CANCELED');
    } finally {
      await blocker.query('rollback');
    }
    const pipeline = await setting('pipeline_id');
    await page.goto(`${site.url}/console/pipelines/${pipeline}`);
    await choose('Cancel updates');
    await dialog.getByRole('button', { name: 'Cancel updates' }).click();
    await page.getByText('No update ran or waited.').waitFor();
  });

  it('renames it, and goes on under the new name', async () => {
    const oid = await site.synced.value(`select 'c.orders'::regclass::oid`);
    const page = await site.visit(place(''));
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.locator('.menu-items').getByRole('button', { name: 'Rename' }).click();
    const dialog = page.getByRole('dialog');
    const rename = dialog.getByRole('button', { name: 'Rename' });
    expect(await rename.getAttribute('title')).toBe('This is the name that it has.');
    await dialog.getByLabel(/New name/).fill('orders');
    expect(await rename.getAttribute('title')).toMatch(/Write schema and table/);
    await dialog.getByLabel(/New name/).fill('c.others');
    await rename.click();
    await dialog.getByText('SYNCED_TABLE_EXISTS').waitFor();
    await dialog.getByLabel(/New name/).fill('c.purchases');
    await site.browser.check(page, 'table-rename');
    await rename.click();
    await page.getByRole('heading', { name: `${site.database}.c.purchases` }).waitFor();
    expect(await site.synced.value(`select 'c.purchases'::regclass::oid`)).toBe(oid);
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/Update [0-9a-f]{8} is queued/).waitFor();
  });

  it('leads from a table that somebody has dropped to the same table again', async () => {
    const { synced } = site;
    await synced.lake.createTable(
      'c.lost',
      { id: 'long', at: 'timestamp', note: 'string' },
      `select 1 as id, now() as at, 'n' as note`,
    );
    const create = `select synced_tables.create_synced_table('c.lost', 'lake.c.lost', array['id'], 'TRIGGERED', timeseries_key => 'at',
      invalid_characters => 'strip', allow_file_diff => true, on_history_gap => 'refresh', columns => array['id', 'at', 'note'], row_filter => 'id > 0',
      accelerated_sync => true, type_overrides => '[{"column_name": "note", "pg_type": "PG_SPECIFIC_TYPE_VARCHAR", "size": 40}]',
      extra_columns => '[{"column_name": "seen", "column_type": "text", "compute": "''no''", "maintenance": "DEFAULT_VALUE"}]',
      extra_index_definitions => '[{"name": "lost_note", "definition": "USING btree (note)"}]')`;
    await synced.wait((await synced.value(create)) ?? '');
    await synced.admin.query(`select synced_tables.set_schedule('c.lost', '0 9 * * MON-FRI', 'Europe/Berlin')`);
    const options = () =>
      synced.value(
        `select jsonb_build_object('source', t.source_table_full_name, 'key', t.primary_key_columns, 'series', t.timeseries_key,
           'characters', t.invalid_characters, 'diff', t.allow_file_diff, 'gap', t.on_history_gap, 'columns', t.columns, 'rows', t.row_filter,
           'fast', t.accelerated_sync, 'types', t.type_overrides, 'extra', t.extra_columns, 'indexes', t.extra_index_definitions,
           'policy', p.scheduling_policy, 'cron', s.cron, 'zone', s.time_zone)
           from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
           left join synced_tables._schedules s using (pipeline_id) where t.table_name = 'lost'`,
      );
    const wanted = await options();
    // Where the guard sees a table dropped, it is gone at once; here it is found to be missing, as on servers without event triggers.
    await synced.admin.query('set event_triggers = off; drop table c.lost; reset event_triggers');
    const page = await site.visit(place('', 'c.lost'));
    await page.getByText('Dropped in Postgres').first().waitFor();
    await page.getByText('Table c.lost was dropped in Postgres, so its sync has ended.').waitFor();
    await page.getByRole('link', { name: 'Create it again' }).waitFor();
    // What is gone is neither up to date nor of any size, and nobody at a page calls a function.
    const facts = await page.locator('.table-head dt').allTextContents();
    expect(facts).toContain('Last sync');
    expect(facts.filter((fact) => ['Lag', 'Rows', 'Size'].includes(fact))).toEqual([]);
    for (const name of ['Sync now', 'Pause']) {
      const button = page.getByRole('button', { name });
      expect(await button.getAttribute('aria-disabled'), name).toBe('true');
      expect(await button.getAttribute('title'), name).toBe(
        'The table was dropped in Postgres, so there is nothing to do this with.',
      );
    }
    await synced.admin.query(
      `select synced_tables_internal._forget_dropped(t.table_id) from synced_tables._tables t where t.table_name = 'lost'`,
    );
    await page.getByRole('heading', { name: 'What went wrong' }).waitFor();
    expect(await page.locator('.box-fail').textContent()).not.toContain('delete_synced_table');
    const href = await page.getByRole('link', { name: 'Create it again' }).getAttribute('href');
    expect(await page.locator('.button.primary, button.primary').allTextContents()).toEqual(['Create it again']);
    await site.browser.check(page, 'table-dropped');
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.locator('.menu-items').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    // Its page is told in words for people who look at pages.
    const told = page.getByRole('alert').filter({ hasText: 'does not exist' });
    await told.getByText('“Tables” lists those that your role may see').waitFor();
    expect(await page.locator('main').textContent()).not.toContain('GET /');
    await site.browser.check(page, 'table-deleted');
    await page.getByRole('link', { name: 'Back to the draft' }).click();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(href);
    const button = page.getByRole('button', { name: 'Create', exact: true });
    await expect.poll(() => button.getAttribute('aria-disabled'), { timeout: 30_000 }).toBe('false');
    await button.click();
    await page.getByRole('heading', { name: `${site.database}.c.lost`, level: 1 }).waitFor();
    await expect.poll(() => synced.value(`select to_regclass('c.lost')`), { timeout: 30_000 }).not.toBeNull();
    expect(await options()).toBe(wanted);
  });
});
