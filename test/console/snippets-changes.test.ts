import { expect, it } from 'vitest';
import { copyAll, copyForms } from '../support/copied-snippets.js';
import { describeSnippets, sinceReset } from '../support/snippet-site.js';

// Goal: what the console lets people copy to change, rename, delete and create a table runs as it was copied, and every form of it does the same.

describeSnippets('what is copied to change a table', 'snippets-changes.test.ts', (site) => {
  it('changes the table, renames it, and cancels what runs', async () => {
    const settings = async () => {
      const { rows } = await site.synced.admin.query(
        `select p.scheduling_policy, t.columns, t.row_filter, t.allow_file_diff, t.on_history_gap, t.type_overrides, t.accelerated_sync
           from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id) where t.table_name = 'Lines'`,
      );
      return rows[0];
    };
    const alter = async (change: string) =>
      site.synced.wait(
        (await site.synced.value(`select synced_tables.alter_synced_table('"S"."Lines"', ${change})`)) ?? '',
      );
    const place = `/tables/${site.database}.S.Lines`;
    await site.page.goto(`${site.url}/console${place}/settings?change=1`);
    await site.page.getByLabel('Only rows for which').fill(`note <> 'it''s 3'`);
    await site.page.getByText('Options', { exact: true }).first().click();
    await site.page.getByLabel('Load over more').check();
    await site.page.getByLabel('Copy everything again').check();
    const changed = (await copyAll(site.page, ['Make the change'])).get('Make the change');
    const back = () => alter(`on_history_gap => 'fail', accelerated_sync => false, reset => array['row_filter']`);
    expect(await site.runForms(changed, settings, back)).toMatchObject({
      row_filter: `note <> 'it''s 3'`,
      on_history_gap: 'refresh',
      accelerated_sync: true,
    });
    await site.page.goto(`${site.url}/console${place}/settings?change=1`);
    await site.page.getByLabel('Only rows for which').fill('');
    const reset = (await copyAll(site.page, ['Make the change'])).get('Make the change');
    const again = () => alter(`row_filter => 'order_id < 9'`);
    expect(await site.runForms(reset, settings, again)).toMatchObject({ row_filter: null });

    const name = () =>
      site.synced.value(`select synced_table from synced_tables.status where synced_table like '%Lin%'`);
    const renameBack = () =>
      site.synced.value(`select synced_tables.rename_synced_table(synced_table, '"S"."Lines"')
                      from synced_tables.status where synced_table = '"S"."New_Lines"'`);
    await site.page.goto(`${site.url}/console${place}`);
    await site.page.getByRole('button', { name: 'More actions' }).click();
    await site.page.locator('.menu-items').getByRole('button', { name: 'Rename' }).click();
    await site.page.getByLabel(/New name/).fill('S.New_Lines');
    const renamed = await copyForms(site.page, site.page.locator('dialog section.copy-as'));
    expect(await site.runForms(renamed, name, renameBack)).toBe('"S"."New_Lines"');
    await renameBack();

    const blocker = await site.synced.database.connect();
    await blocker.query('begin; lock table "S"."Lines" in access share mode');
    const acts = await site.copiedAt(place, 'Cancel updates', ['Cancel updates']);
    const canceled = async () => ({
      count: Number(await site.synced.value(`select count(*) from synced_tables._updates where state = 'CANCELED'`)),
    });
    const since = sinceReset(canceled);
    const start = async () => {
      await site.synced.value(`select synced_tables.sync_now('"S"."Lines"', full_refresh => true)`);
      await since.reset();
    };
    expect(await site.runForms(acts.get('Cancel updates'), since.effect, start)).toEqual({ count: 1 });
    await blocker.query('rollback');
  });

  it('creates the table again as it is, once it was deleted', async () => {
    const options = `type_overrides => '[{"column_name": "note", "pg_type": "PG_SPECIFIC_TYPE_VARCHAR", "size": 40}]',
      extra_columns => '[{"column_name": "seen", "column_type": "text", "compute": "''no''", "maintenance": "DEFAULT_VALUE"}]',
      extra_index_definitions => '[{"name": "by_note", "definition": "USING btree (note)"}]',
      timeseries_key => 'note', invalid_characters => 'strip', on_history_gap => 'refresh', allow_file_diff => true`;
    const sql = `select synced_tables.create_synced_table('"S"."Again"', 'lake.s.orders', array['order_id'], 'TRIGGERED', ${options})`;
    const purge = () =>
      site.synced.value(`select synced_tables.delete_synced_table('"S"."Again"', purge => true)
                     where to_regclass('"S"."Again"') is not null`);
    const createIt = async () => {
      await purge();
      await site.synced.wait((await site.synced.value(sql)) ?? '');
    };
    await createIt();
    await site.synced.admin.query(`select synced_tables.set_schedule('"S"."Again"', '0 9 * * *', 'Europe/Berlin')`);
    const registered = async () => {
      const { rows } = await site.synced.admin.query(
        `select to_jsonb(t) - array['table_id', 'pipeline_id', 'relation', 'created_at', 'created_by', 'state', 'message', 'rows_done',
                  'rows_total', 'last_sync_started_at', 'last_sync_at', 'phase_started_at', 'provisioning_phase', 'processing_version', 'behind_since',
                  'synced_committed_at'] as options, p.scheduling_policy, p.publish, s.cron, s.time_zone
           from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
           left join synced_tables._schedules s using (pipeline_id) where t.table_name = 'Again'`,
      );
      return rows[0] ?? null;
    };
    const wanted = await registered();
    const same = 'Create the same table again';
    const create = (await site.copiedAt(`/tables/${site.database}.S.Again/code`, 'order_id', [same])).get(same);
    const stop = ['Stop syncing', 'Stop syncing and drop'];
    const acts = await site.copiedAt(`/tables/${site.database}.S.Again`, 'Stop syncing', stop);
    expect(await site.runForms(create, registered, purge)).toEqual(wanted);
    const left = async () => [
      await site.synced.value(`select count(*) from synced_tables._tables where table_name = 'Again'`),
      await site.synced.value(`select to_regclass('"S"."Again"')`),
    ];
    expect(await site.runForms(acts.get('Stop syncing'), left, createIt)).toEqual(['0', '"S"."Again"']);
    expect(await site.runForms(acts.get('Stop syncing and drop'), left, createIt)).toEqual(['0', null]);
  });
});
