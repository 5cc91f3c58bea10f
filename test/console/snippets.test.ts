import { expect, it } from 'vitest';
import { type Copied, copyAll } from '../support/copied-snippets.js';
import { hasSdk, SnippetRunner } from '../support/snippet-runner.js';
import { describeSnippets, FORMS, sinceReset } from '../support/snippet-site.js';

// Goal: whatever lists and other pages of the console let people copy runs as it was copied, and every form of it does the same.

describeSnippets('what is copied from the console', 'snippets.test.ts', (site) => {
  it('runs from the list of tables, for all that are selected', async () => {
    await site.page.goto(`${site.url}/console/tables`);
    await site.page.getByLabel(`Select ${site.database}.S.Orders`).check();
    await site.page.getByLabel(`Select ${site.database}.S.Lines`).check();
    const copied = await copyAll(site.page);
    const { effect, reset } = sinceReset(() => site.newestUpdate());
    expect(await site.runForms(copied.get('Sync now'), effect, reset)).toMatchObject({
      count: 2,
      selection: { refresh: [expect.any(String)] },
    });
    const verify = sinceReset(() => site.verifications());
    expect(await site.runForms(copied.get('Verify'), verify.effect, verify.reset)).toEqual({ count: 2 });
    for (const form of FORMS) {
      expect(await site.runner.run(form, copied.get('This list')?.[form] ?? ''), form).toContain('Orders');
    }
  });

  it('runs from the pages of pipelines', async () => {
    const pipeline = await site.synced.value(
      `select pipeline_id from synced_tables.status where synced_table = '"S"."Orders"'`,
    );
    const list = (await site.copiedAt('/pipelines', '2 tables')).get('This list');
    for (const [form, text] of Object.entries(list ?? {})) {
      if (form !== 'Python' || hasSdk)
        expect(await site.runner.run(form, text), form).toMatch(new RegExp(`${pipeline}|Orders`));
    }
    const acts = await site.copiedAt(`/pipelines/${pipeline}`, 'Sync now');
    const { effect, reset } = sinceReset(() => site.newestUpdate());
    expect(await site.runForms(acts.get('Sync now'), effect, reset)).toMatchObject({ count: 1, full_refresh: false });
    const isPaused = () => site.synced.value('select count(*) from synced_tables.status where paused_at is not null');
    const resume = () => site.synced.value(`select synced_tables.resume_pipeline('${pipeline}')`);
    expect(await site.runForms(acts.get('Pause'), isPaused, resume)).toBe('2');
    await resume();
  });

  it('runs from the page of a streaming table, and sets how often a pipeline looks', async () => {
    await site.synced.admin.query(
      `select synced_tables.create_streaming_table('s.users');
       select synced_tables.apply_changes('s.users', 'lake.s.events', array['id'], sequence_by => 'seq', name => 'users')`,
    );
    const place = `/streaming/${site.database}.s.users`;
    const { effect, reset } = sinceReset(() => site.newestUpdate());
    const code = await site.copiedAt(`${place}/code`, 'Read its changes');
    expect(await site.runForms(code.get('Sync now'), effect, reset)).toMatchObject({ count: 1 });
    const again = await site.copiedAt(`${place}/code`, 'Read its changes');
    expect(await site.runner.run('SQL', again.get('Read its changes')?.SQL ?? '')).toContain('_change_type');
    await site.synced.admin.query(`select synced_tables.delete_streaming_table('s.users', purge => true)`);
    await site.runner.run('SQL', again.get('Declares it as it is')?.SQL ?? '');
    expect(await site.synced.value(`select count(*) from synced_tables._flows`)).toBe('1');
    await site.synced.wait(
      (await site.synced.value(
        `select synced_tables.create_synced_table('"S"."Followed"', 'lake.s.orders', array['order_id'], 'CONTINUOUS')`,
      )) ?? '',
    );
    const interval = () =>
      site.synced.value('select trigger_interval_ms from synced_tables._pipelines order by created_at desc limit 1');
    await site.page.goto(`${site.url}/console/tables/${site.database}.S.Followed/settings`);
    await site.page.getByLabel('Trigger interval').fill('700');
    const set = (await copyAll(site.page, ['Set interval'])).get('Set interval');
    const clear = () => site.synced.value(`select synced_tables.set_trigger_interval('"S"."Followed"', null)`);
    const wanted = Object.keys(set ?? {});
    for (const form of wanted.filter((each) => each !== 'Python' || hasSdk)) {
      await clear();
      await site.runner.run(form, set?.[form] ?? '');
      expect(await interval(), form).toBe('700');
    }
    expect(wanted).toEqual(['SQL', 'curl', 'Python']);
    await site.synced.admin.query(`select synced_tables.delete_synced_table('"S"."Followed"', purge => true)`);
  });

  it('runs from the pages of tokens, databases, events and the doctor', async () => {
    const role = site.keeper;
    await site.page.goto(`${site.url}/console/tokens?new=1`);
    await site.page.getByLabel('Role', { exact: true }).fill(role);
    await site.page.getByLabel('Description').fill("the shop's");
    const made = (await copyAll(site.page, ['A new token'])).get('A new token');
    const tokens = async () => {
      const { rows } = await site.synced.admin.query(
        `select role_name, description, round(extract(epoch from expires_at - now()) / 86400)::int as days, count(*) over ()::int as count
           from synced_tables.tokens order by created_at desc limit 1`,
      );
      return rows[0];
    };
    const { effect, reset } = sinceReset(tokens);
    expect(Object.keys(made ?? {})).toEqual(['CLI', 'curl', 'Python']);
    expect(await site.runForms(made, effect, reset, ['CLI', 'curl', 'Python'])).toMatchObject({
      count: 1,
      role_name: role,
      description: "the shop's",
    });
    for (const form of FORMS) {
      const id =
        (await site.synced.value(
          `select token_id from synced_tables.tokens where description like 'the shop%' and state = 'ACTIVE'`,
        )) ??
        (await site.synced.value(
          `select synced_tables.create_token($1, sha256(random()::text::bytea), null, 'the shop''s')`,
          [role],
        ));
      await site.page.goto(`${site.url}/console/tokens`);
      await site.page
        .getByRole('row', { name: /the shop/ })
        .first()
        .getByRole('button', { name: 'Revoke' })
        .click();
      const copied = await copyAll(site.page, ['Revoke', 'This list']);
      const revoke = copied.get('Revoke')?.[form] ?? '';
      await site.runner.run(form, revoke);
      const [token] = /[0-9a-f-]{36}/.exec(revoke) ?? [];
      expect(
        await site.synced.value('select state from synced_tables.tokens where token_id = $1', [token ?? id]),
        form,
      ).toBe('REVOKED');
      expect(await site.runner.run(form, copied.get('This list')?.[form] ?? ''), form).toContain(role);
    }
    const expectAll = async (copied: Copied | undefined, text: string | RegExp) => {
      expect(Object.keys(copied ?? {}).length).toBeGreaterThan(1);
      for (const [form, snippet] of Object.entries(copied ?? {})) {
        if (form !== 'Python' || hasSdk) expect(await site.runner.run(form, snippet), form).toMatch(text);
      }
    };
    await expectAll((await site.copiedAt('/databases', 'PostgreSQL')).get('This page'), site.database);
    await expectAll((await site.copiedAt('/doctor', 'Examine now')).get('Doctor'), /SETTINGS|POSTGRES|well|ok/);
    await expectAll((await site.copiedAt('/events', 'Following')).get('This list'), 'Orders');
  });

  it('runs from the pages of the catalog', async () => {
    const copied = await site.copiedAt('/catalog/lake/s/orders', 'Create synced table');
    const look = copied.get('Look at it');
    for (const [form, snippet] of Object.entries(look ?? {})) {
      if (form !== 'Python' || hasSdk) expect(await site.runner.run(form, snippet), form).toContain('order_id');
    }
    const created = () =>
      site.synced.value(
        `select scheduling_policy from synced_tables.status where source_table_full_name = 'lake.s.orders' and synced_table = 's.orders_synced'`,
      );
    const purge = () =>
      site.synced.value(
        `select synced_tables.delete_synced_table('s.orders_synced', purge => true) where to_regclass('s.orders_synced') is not null`,
      );
    expect(await site.runForms(copied.get('Create synced table'), created, purge)).toBe('TRIGGERED');
    const yaml = copied.get('Its catalog in the settings')?.YAML ?? '';
    const elsewhere = await SnippetRunner.create({ url: site.synced.database.url, settings: yaml, token: '' });
    expect(await elsewhere.run('CLI', 'synced-tables preview lake.s.orders')).toContain('order_id');
    elsewhere[Symbol.dispose]();
  });
});
