import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { browserProgram, launchBrowser } from '../support/browser.js';
import { type Copied, copyAll, copyBy, copyForms, watchCopies } from '../support/copied-snippets.js';
import { postgresServers } from '../support/postgres.js';
import { hasPsql, hasPsycopg, hasSdk, SnippetRunner } from '../support/snippet-runner.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whatever the console lets people copy runs as it was copied, and every form of it does the same.

const [server] = postgresServers().slice(-1);
const isPossible = browserProgram !== null && server !== undefined && hasPsql;
if (!isPossible) process.stderr.write('snippets.test.ts is skipped: there is no Chromium or no psql here\n');
if (isPossible && !hasSdk) {
  process.stderr.write('snippets.test.ts leaves Python out: SNIPPET_PYTHON names none that has databricks-sdk\n');
}

const FORMS = ['SQL', 'CLI', 'curl', ...(hasSdk ? ['Python'] : [])] as const;

describe.skipIf(!isPossible)('what is copied from the console', () => {
  let synced: SyncedLake;
  let browser: Browser;
  let page: Page;
  let url: string;
  let database: string;
  let runner: SnippetRunner;
  let keeper: string;
  let keeperToken: string;
  beforeAll(async () => {
    if (server === undefined) return;
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
    for (const name of ['s.orders', 's.lines']) {
      const table = await synced.lake.createTable(
        name,
        { order_id: 'long', note: 'string' },
        `select i as order_id, 'it''s ' || i as note from range(20) t(i)`,
      );
      table.switchChangeFeedOn();
    }
    await synced.lake.createTable(
      's.events',
      { id: 'string', op: 'string', seq: 'long' },
      `select * from (values ('a', 'I', 1), ('b', 'I', 2)) t(id, op, seq)`,
    );
    ({ url } = await synced.startSidecar());
    keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(
      `alter role ${keeper} login password 'secret'; create schema "S"; create schema s; grant create, usage on schema "S", s to ${keeper}`,
    );
    await createOrders();
    const catalogs = { lake: { kind: 'path', root: synced.lake.root } };
    const settings = JSON.stringify({ instances: { local: { url: synced.database.url } }, catalogs });
    keeperToken = await createToken(synced, keeper);
    const token = keeperToken;
    runner = await SnippetRunner.create({ url: synced.database.url, settings, token });
    browser = await launchBrowser();
    const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${token}` } });
    context.setDefaultTimeout(10_000);
    page = await context.newPage();
    await watchCopies(page);
  });
  afterAll(async () => {
    runner?.[Symbol.dispose]();
    await browser?.close();
    await synced?.[Symbol.asyncDispose]();
  });

  /** With capitals, which SQL needs quotes for; and not alone in its pipeline. */
  async function createOrders(): Promise<void> {
    const create = (name: string, source: string, pipeline: string | null) =>
      synced.value(
        `select synced_tables.create_synced_table($1, $2, array['order_id'], 'TRIGGERED', existing_pipeline_id => $3)`,
        [name, source, pipeline],
      );
    await synced.wait((await create('"S"."Orders"', 'lake.s.orders', null)) ?? '');
    const pipeline = await synced.value(
      `select pipeline_id from synced_tables.status where synced_table = '"S"."Orders"'`,
    );
    await synced.wait((await create('"S"."Lines"', 'lake.s.lines', pipeline)) ?? '');
  }

  /** What can be copied at a place, by what it is about. */
  async function copiedAt(place: string, ready: string, only?: readonly string[]): Promise<Map<string, Copied>> {
    await page.goto(`${url}/console${place}`);
    await page.getByText(ready).first().waitFor({ state: 'attached' });
    return copyAll(page, only);
  }

  const tablePlace = (rest = '') => `/tables/${database}.S.Orders${rest}`;
  const idle = () =>
    eventually(
      async () =>
        (await synced.value(`select count(*) from synced_tables._updates where state in ('QUEUED', 'RUNNING')`)) ===
        '0',
      'no update is open',
    );

  /**
   * Runs each form of a snippet, each from the same beginning, and expects of each the same effect.
   * @returns the effect
   */
  async function runForms(
    copied: Copied | undefined,
    effect: () => Promise<unknown>,
    reset: () => Promise<unknown> = async () => {},
    forms: readonly string[] = FORMS,
  ): Promise<unknown> {
    const wanted = forms.filter((form) => FORMS.includes(form as (typeof FORMS)[number]));
    const effects: unknown[] = [];
    for (const form of wanted) {
      await reset();
      const before = await effect();
      await runner.run(form, copied?.[form] ?? `no ${form} among ${Object.keys(copied ?? {})}`);
      await idle();
      const after = await effect();
      expect(after, `${form} did nothing: ${copied?.[form]}`).not.toEqual(before);
      effects.push(after);
    }
    expect(effects).toEqual(wanted.map(() => effects[0]));
    return effects[0];
  }

  const newestUpdate = async () => {
    const { rows } = await synced.admin.query(
      `select u.full_refresh, u.selection, u.state, count(*) over ()::int as count
         from synced_tables._updates u order by u.created_at desc limit 1`,
    );
    return rows[0];
  };
  /** Updates since the last call of it, so that forms can be compared. */
  function sinceReset(effect: () => Promise<{ count: number }>) {
    let first = 0;
    return {
      reset: async () => {
        first = (await effect())?.count ?? 0;
      },
      effect: async () => {
        const now = await effect();
        return { ...now, count: now.count - first };
      },
    };
  }

  describe('the page of a table', () => {
    it('asks for updates', async () => {
      const acts = await copiedAt(tablePlace(), 'Sync this table alone');
      const { effect, reset } = sinceReset(newestUpdate);
      expect(await runForms(acts.get('Sync now'), effect, reset)).toMatchObject({ count: 1, full_refresh: false });
      expect(await runForms(acts.get('Sync this table alone'), effect, reset)).toMatchObject({
        count: 1,
        selection: { refresh: ['"S"."Orders"'] },
      });
      expect(await runForms(acts.get('Full refresh'), effect, reset)).toMatchObject({ count: 1, full_refresh: true });
    });

    it('pauses, resumes and verifies', async () => {
      const isPaused = () => synced.value('select count(*) from synced_tables.status where paused_at is not null');
      const set = (verb: string) => () => synced.value(`select synced_tables.${verb}_pipeline('"S"."Orders"')`);
      const acts = await copiedAt(tablePlace(), 'Sync this table alone', ['Pause', 'Verify']);
      expect(await runForms(acts.get('Pause'), isPaused, set('resume'))).toBe('2');
      await page.getByRole('button', { name: 'Resume' }).waitFor();
      const paused = await copiedAt(tablePlace(), 'Resume', ['Resume']);
      expect(await runForms(paused.get('Resume'), isPaused, set('pause'))).toBe('0');
      const verifications = async () => ({
        count: Number(await synced.value('select count(*) from synced_tables.verifications')),
      });
      const { effect, reset } = sinceReset(verifications);
      expect(await runForms(acts.get('Verify'), effect, reset)).toEqual({ count: 1 });
    });

    it('says in its dialogs what it says on the page', async () => {
      const acts = await copiedAt(tablePlace(), 'Sync this table alone', ['Full refresh', 'Stop syncing', 'Pause']);
      for (const [button, what] of [
        ['Full refresh', 'Full refresh'],
        ['Delete', 'Stop syncing'],
      ] as const) {
        await page.getByRole('button', { name: 'More actions' }).click();
        await page.locator('.menu-items').getByRole('button', { name: button }).click();
        const text = await page.locator('dialog pre').textContent();
        expect(Object.values(acts.get(what) ?? {})).toContain(text);
        await page.keyboard.press('Escape');
      }
      await page.getByRole('button', { name: 'Pause' }).click();
      expect(Object.values(acts.get('Pause') ?? {})).toContain(await page.locator('dialog pre').textContent());
    });

    it('sets and removes a schedule', async () => {
      const schedule = () => synced.value('select cron || time_zone from synced_tables.schedules');
      const remove = () => synced.value(`select synced_tables.remove_schedule('"S"."Orders"')`);
      await page.goto(`${url}/console${tablePlace('/settings')}`);
      await page.getByLabel('Cron expression').fill('0 9 * * MON-FRI');
      await page.getByLabel('Time zone').fill('Europe/Berlin');
      await page.getByRole('heading', { name: /Next runs/ }).waitFor();
      const set = (await copyAll(page, ['Set schedule'])).get('Set schedule');
      expect(await runForms(set, schedule, remove)).toBe('0 9 * * MON-FRIEurope/Berlin');
      const acts = await copiedAt(tablePlace('/settings'), 'Runs', ['Remove schedule']);
      const again = () => synced.value(`select synced_tables.set_schedule('"S"."Orders"', '0 9 * * *')`);
      expect(await runForms(acts.get('Remove schedule'), schedule, again)).toBeNull();
    });

    it('changes the table, renames it, and cancels what runs', async () => {
      const settings = async () => {
        const { rows } = await synced.admin.query(
          `select p.scheduling_policy, t.columns, t.row_filter, t.allow_file_diff, t.on_history_gap, t.type_overrides, t.accelerated_sync
             from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id) where t.table_name = 'Lines'`,
        );
        return rows[0];
      };
      const alter = async (change: string) =>
        synced.wait((await synced.value(`select synced_tables.alter_synced_table('"S"."Lines"', ${change})`)) ?? '');
      const place = `/tables/${database}.S.Lines`;
      await page.goto(`${url}/console${place}/settings?change=1`);
      await page.getByLabel('Only rows for which').fill(`note <> 'it''s 3'`);
      await page.getByText('Options', { exact: true }).first().click();
      await page.getByLabel('Load over more').check();
      await page.getByLabel('Copy everything again').check();
      const changed = (await copyAll(page, ['Make the change'])).get('Make the change');
      const back = () => alter(`on_history_gap => 'fail', accelerated_sync => false, reset => array['row_filter']`);
      expect(await runForms(changed, settings, back)).toMatchObject({
        row_filter: `note <> 'it''s 3'`,
        on_history_gap: 'refresh',
        accelerated_sync: true,
      });
      await page.goto(`${url}/console${place}/settings?change=1`);
      await page.getByLabel('Only rows for which').fill('');
      const reset = (await copyAll(page, ['Make the change'])).get('Make the change');
      const again = () => alter(`row_filter => 'order_id < 9'`);
      expect(await runForms(reset, settings, again)).toMatchObject({ row_filter: null });

      const name = () => synced.value(`select synced_table from synced_tables.status where synced_table like '%Lin%'`);
      const renameBack = () =>
        synced.value(`select synced_tables.rename_synced_table(synced_table, '"S"."Lines"')
                        from synced_tables.status where synced_table = '"S"."New_Lines"'`);
      await page.goto(`${url}/console${place}`);
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.locator('.menu-items').getByRole('button', { name: 'Rename' }).click();
      await page.getByLabel(/New name/).fill('S.New_Lines');
      const renamed = await copyForms(page, page.locator('dialog section.copy-as'));
      expect(await runForms(renamed, name, renameBack)).toBe('"S"."New_Lines"');
      await renameBack();

      const blocker = await synced.database.connect();
      await blocker.query('begin; lock table "S"."Lines" in access share mode');
      const acts = await copiedAt(place, 'Cancel updates', ['Cancel updates']);
      const canceled = async () => ({
        count: Number(await synced.value(`select count(*) from synced_tables._updates where state = 'CANCELED'`)),
      });
      const since = sinceReset(canceled);
      const start = async () => {
        await synced.value(`select synced_tables.sync_now('"S"."Lines"', full_refresh => true)`);
        await since.reset();
      };
      expect(await runForms(acts.get('Cancel updates'), since.effect, start)).toEqual({ count: 1 });
      await blocker.query('rollback');
    });

    it('reads what it shows', async () => {
      const read = async (place: string, ready: string, what: string, forms: readonly string[], expected: string[]) => {
        const copied = (await copiedAt(tablePlace(place), ready, [what])).get(what);
        for (const form of forms.filter((each) => each !== 'Python' || hasSdk)) {
          const printed = await runner.run(form, copied?.[form] ?? `no ${form} of ${what}`);
          for (const text of expected) expect(printed, `${form} of ${what}`).toContain(text);
        }
        expect(Object.keys(copied ?? {})).toEqual(forms);
      };
      const update = (await synced.value(`select update_id from synced_tables.updates order by created_at desc`)) ?? '';
      await read('/updates', 'Done', 'these updates', ['SQL', 'curl', 'Python'], [update]);
      await read('/objects', 'Primary key', 'this', ['SQL', 'curl', 'Python'], ['PRIMARY_KEY']);
      await read('/rows', 'Show rows', 'Rows of the table', ['SQL', 'curl', 'Python'], ["it's 19"]);
      await read('/events', 'Following', 'This list', ['SQL', 'CLI', 'curl', 'Python'], ['Orders']);
      await read(
        '/events?q=ORDERS%20synced&level=INFO',
        'Following',
        'This list',
        ['SQL', 'curl', 'Python'],
        ['Orders'],
      );
    });

    it('connects and reads as its code says', async () => {
      await page.goto(`${url}/console${tablePlace('/code')}`);
      await page
        .getByText(/port=\d+/)
        .first()
        .waitFor();
      const textOf = (title: string) =>
        copyBy(
          page,
          page.getByRole('region', { name: title, exact: true }).getByRole('button', { name: /^Cop/ }).first(),
        );
      const password = { PGPASSWORD: 'secret' };
      expect(await runner.shell(await textOf('Connect'), password)).toContain("it's 7");
      expect(await runner.node(await textOf('Node'), password)).toContain("it's 7");
      if (hasPsycopg) expect(await runner.python(await textOf('Python'), password)).toContain("it's 7");
      expect(await textOf('Java')).toContain(`/${database}?user=${keeper}`);
      for (const title of ['Read rows', 'Hear of every sync', 'Wait for a version of the source']) {
        await runner.run('SQL', await textOf(title));
      }
      // A role with a password of its own is given none.
      await synced.admin.query(`alter role ${keeper} password null`);
      const credential = (await copyAll(page, ['A password for an hour'])).get('A password for an hour');
      for (const form of FORMS.filter((each) => each === 'curl' || each === 'Python')) {
        expect(await runner.run(form, credential?.[form] ?? ''), form).toContain('expiration_time');
      }
      const metrics = await (
        await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${keeperToken}` } })
      ).text();
      for (const query of (await textOf('Prometheus')).split('\n')) {
        const [, name = '', labels = ''] = /([a-z_]+)\{(.*)\}/.exec(query) ?? [];
        const line = metrics
          .split('\n')
          .find((each) => each.startsWith(`${name}{`) && labels.split(',').every((label) => each.includes(label)));
        expect(line, query).toBeDefined();
      }
    });

    it('creates the table again as it is, once it was deleted', async () => {
      const options = `type_overrides => '[{"column_name": "note", "pg_type": "PG_SPECIFIC_TYPE_VARCHAR", "size": 40}]',
        extra_columns => '[{"column_name": "seen", "column_type": "text", "compute": "''no''", "maintenance": "DEFAULT_VALUE"}]',
        extra_index_definitions => '[{"name": "by_note", "definition": "USING btree (note)"}]',
        timeseries_key => 'note', invalid_characters => 'strip', on_history_gap => 'refresh', allow_file_diff => true`;
      const sql = `select synced_tables.create_synced_table('"S"."Again"', 'lake.s.orders', array['order_id'], 'TRIGGERED', ${options})`;
      const purge = () =>
        synced.value(`select synced_tables.delete_synced_table('"S"."Again"', purge => true)
                       where to_regclass('"S"."Again"') is not null`);
      const createIt = async () => {
        await purge();
        await synced.wait((await synced.value(sql)) ?? '');
      };
      await createIt();
      await synced.admin.query(`select synced_tables.set_schedule('"S"."Again"', '0 9 * * *', 'Europe/Berlin')`);
      const registered = async () => {
        const { rows } = await synced.admin.query(
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
      const create = (await copiedAt(`/tables/${database}.S.Again/code`, 'order_id', [same])).get(same);
      const stop = ['Stop syncing', 'Stop syncing and drop'];
      const acts = await copiedAt(`/tables/${database}.S.Again`, 'Stop syncing', stop);
      expect(await runForms(create, registered, purge)).toEqual(wanted);
      const left = async () => [
        await synced.value(`select count(*) from synced_tables._tables where table_name = 'Again'`),
        await synced.value(`select to_regclass('"S"."Again"')`),
      ];
      expect(await runForms(acts.get('Stop syncing'), left, createIt)).toEqual(['0', '"S"."Again"']);
      expect(await runForms(acts.get('Stop syncing and drop'), left, createIt)).toEqual(['0', null]);
    });
  });

  it('runs from the list of tables, for all that are selected', async () => {
    await page.goto(`${url}/console/tables`);
    await page.getByLabel(`Select ${database}.S.Orders`).check();
    await page.getByLabel(`Select ${database}.S.Lines`).check();
    const copied = await copyAll(page);
    const { effect, reset } = sinceReset(newestUpdate);
    expect(await runForms(copied.get('Sync now'), effect, reset)).toMatchObject({
      count: 2,
      selection: { refresh: [expect.any(String)] },
    });
    const verifications = async () => ({
      count: Number(await synced.value('select count(*) from synced_tables.verifications')),
    });
    const verify = sinceReset(verifications);
    expect(await runForms(copied.get('Verify'), verify.effect, verify.reset)).toEqual({ count: 2 });
    for (const form of FORMS) {
      expect(await runner.run(form, copied.get('This list')?.[form] ?? ''), form).toContain('Orders');
    }
  });

  it('runs from the pages of pipelines', async () => {
    const pipeline = await synced.value(
      `select pipeline_id from synced_tables.status where synced_table = '"S"."Orders"'`,
    );
    const list = (await copiedAt('/pipelines', '2 tables')).get('This list');
    for (const [form, text] of Object.entries(list ?? {})) {
      if (form !== 'Python' || hasSdk)
        expect(await runner.run(form, text), form).toMatch(new RegExp(`${pipeline}|Orders`));
    }
    const acts = await copiedAt(`/pipelines/${pipeline}`, 'Sync now');
    const { effect, reset } = sinceReset(newestUpdate);
    expect(await runForms(acts.get('Sync now'), effect, reset)).toMatchObject({ count: 1, full_refresh: false });
    const isPaused = () => synced.value('select count(*) from synced_tables.status where paused_at is not null');
    const resume = () => synced.value(`select synced_tables.resume_pipeline('${pipeline}')`);
    expect(await runForms(acts.get('Pause'), isPaused, resume)).toBe('2');
    await resume();
  });

  it('runs from the page of a streaming table, and sets how often a pipeline looks', async () => {
    await synced.admin.query(
      `select synced_tables.create_streaming_table('s.users');
       select synced_tables.apply_changes('s.users', 'lake.s.events', array['id'], sequence_by => 'seq', name => 'users')`,
    );
    const place = `/streaming/${database}.s.users`;
    const { effect, reset } = sinceReset(newestUpdate);
    const code = await copiedAt(`${place}/code`, 'Read its changes');
    expect(await runForms(code.get('Sync now'), effect, reset)).toMatchObject({ count: 1 });
    const again = await copiedAt(`${place}/code`, 'Read its changes');
    expect(await runner.run('SQL', again.get('Read its changes')?.SQL ?? '')).toContain('_change_type');
    await synced.admin.query(`select synced_tables.delete_streaming_table('s.users', purge => true)`);
    await runner.run('SQL', again.get('Declares it as it is')?.SQL ?? '');
    expect(await synced.value(`select count(*) from synced_tables._flows`)).toBe('1');
    await synced.wait(
      (await synced.value(
        `select synced_tables.create_synced_table('"S"."Followed"', 'lake.s.orders', array['order_id'], 'CONTINUOUS')`,
      )) ?? '',
    );
    const interval = () =>
      synced.value('select trigger_interval_ms from synced_tables._pipelines order by created_at desc limit 1');
    await page.goto(`${url}/console/tables/${database}.S.Followed/settings`);
    await page.getByLabel('Trigger interval').fill('700');
    const set = (await copyAll(page, ['Set interval'])).get('Set interval');
    const clear = () => synced.value(`select synced_tables.set_trigger_interval('"S"."Followed"', null)`);
    const wanted = Object.keys(set ?? {});
    for (const form of wanted.filter((each) => each !== 'Python' || hasSdk)) {
      await clear();
      await runner.run(form, set?.[form] ?? '');
      expect(await interval(), form).toBe('700');
    }
    expect(wanted).toEqual(['SQL', 'curl', 'Python']);
    await synced.admin.query(`select synced_tables.delete_synced_table('"S"."Followed"', purge => true)`);
  });

  it('runs from the pages of tokens, databases, events and the doctor', async () => {
    const role = keeper;
    await page.goto(`${url}/console/tokens?new=1`);
    await page.getByLabel('Role', { exact: true }).fill(role);
    await page.getByLabel('Description').fill("the shop's");
    const made = (await copyAll(page, ['A new token'])).get('A new token');
    const tokens = async () => {
      const { rows } = await synced.admin.query(
        `select role_name, description, round(extract(epoch from expires_at - now()) / 86400)::int as days, count(*) over ()::int as count
           from synced_tables.tokens order by created_at desc limit 1`,
      );
      return rows[0];
    };
    const { effect, reset } = sinceReset(tokens);
    expect(Object.keys(made ?? {})).toEqual(['CLI', 'curl', 'Python']);
    expect(await runForms(made, effect, reset, ['CLI', 'curl', 'Python'])).toMatchObject({
      count: 1,
      role_name: role,
      description: "the shop's",
    });
    for (const form of FORMS) {
      const id =
        (await synced.value(
          `select token_id from synced_tables.tokens where description like 'the shop%' and state = 'ACTIVE'`,
        )) ??
        (await synced.value(
          `select synced_tables.create_token($1, sha256(random()::text::bytea), null, 'the shop''s')`,
          [role],
        ));
      await page.goto(`${url}/console/tokens`);
      await page
        .getByRole('row', { name: /the shop/ })
        .first()
        .getByRole('button', { name: 'Revoke' })
        .click();
      const copied = await copyAll(page, ['Revoke', 'This list']);
      const revoke = copied.get('Revoke')?.[form] ?? '';
      await runner.run(form, revoke);
      const [token] = /[0-9a-f-]{36}/.exec(revoke) ?? [];
      expect(
        await synced.value('select state from synced_tables.tokens where token_id = $1', [token ?? id]),
        form,
      ).toBe('REVOKED');
      expect(await runner.run(form, copied.get('This list')?.[form] ?? ''), form).toContain(role);
    }
    const expectAll = async (copied: Copied | undefined, text: string | RegExp) => {
      expect(Object.keys(copied ?? {}).length).toBeGreaterThan(1);
      for (const [form, snippet] of Object.entries(copied ?? {})) {
        if (form !== 'Python' || hasSdk) expect(await runner.run(form, snippet), form).toMatch(text);
      }
    };
    await expectAll((await copiedAt('/databases', 'PostgreSQL')).get('This page'), database);
    await expectAll((await copiedAt('/doctor', 'Examine now')).get('Doctor'), /SETTINGS|POSTGRES|well|ok/);
    await expectAll((await copiedAt('/events', 'Following')).get('This list'), 'Orders');
  });

  it('runs from the pages of the catalog', async () => {
    const copied = await copiedAt('/catalog/lake/s/orders', 'Create synced table');
    const look = copied.get('Look at it');
    for (const [form, snippet] of Object.entries(look ?? {})) {
      if (form !== 'Python' || hasSdk) expect(await runner.run(form, snippet), form).toContain('order_id');
    }
    const created = () =>
      synced.value(
        `select scheduling_policy from synced_tables.status where source_table_full_name = 'lake.s.orders' and synced_table = 's.orders_synced'`,
      );
    const purge = () =>
      synced.value(
        `select synced_tables.delete_synced_table('s.orders_synced', purge => true) where to_regclass('s.orders_synced') is not null`,
      );
    expect(await runForms(copied.get('Create synced table'), created, purge)).toBe('TRIGGERED');
    const yaml = copied.get('Its catalog in the settings')?.YAML ?? '';
    const elsewhere = await SnippetRunner.create({ url: synced.database.url, settings: yaml, token: '' });
    expect(await elsewhere.run('CLI', 'synced-tables preview lake.s.orders')).toContain('order_id');
    elsewhere[Symbol.dispose]();
  });
});
