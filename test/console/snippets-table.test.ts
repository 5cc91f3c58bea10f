import { expect, it } from 'vitest';
import { copyAll, copyBy } from '../support/copied-snippets.js';
import { hasPsycopg, hasSdk } from '../support/snippet-runner.js';
import { describeSnippets, FORMS, sinceReset } from '../support/snippet-site.js';

// Goal: whatever the page of a table lets people copy runs as it was copied, and every form of it does the same.

describeSnippets('what is copied from the page of a table', 'snippets-table.test.ts', (site) => {
  it('asks for updates', async () => {
    const acts = await site.copiedAt(site.tablePlace(), 'Sync this table alone');
    const { effect, reset } = sinceReset(() => site.newestUpdate());
    expect(await site.runForms(acts.get('Sync now'), effect, reset)).toMatchObject({ count: 1, full_refresh: false });
    expect(await site.runForms(acts.get('Sync this table alone'), effect, reset)).toMatchObject({
      count: 1,
      selection: { refresh: ['"S"."Orders"'] },
    });
    expect(await site.runForms(acts.get('Full refresh'), effect, reset)).toMatchObject({
      count: 1,
      full_refresh: true,
    });
  });

  it('pauses, resumes and verifies', async () => {
    const isPaused = () => site.synced.value('select count(*) from synced_tables.status where paused_at is not null');
    const set = (verb: string) => () => site.synced.value(`select synced_tables.${verb}_pipeline('"S"."Orders"')`);
    const acts = await site.copiedAt(site.tablePlace(), 'Sync this table alone', ['Pause', 'Verify']);
    expect(await site.runForms(acts.get('Pause'), isPaused, set('resume'))).toBe('2');
    await site.page.getByRole('button', { name: 'Resume' }).waitFor();
    const paused = await site.copiedAt(site.tablePlace(), 'Resume', ['Resume']);
    expect(await site.runForms(paused.get('Resume'), isPaused, set('pause'))).toBe('0');
    const { effect, reset } = sinceReset(() => site.verifications());
    expect(await site.runForms(acts.get('Verify'), effect, reset)).toEqual({ count: 1 });
  });

  it('says in its dialogs what it says on the page', async () => {
    const acts = await site.copiedAt(site.tablePlace(), 'Sync this table alone', [
      'Full refresh',
      'Stop syncing',
      'Pause',
    ]);
    for (const [button, what] of [
      ['Full refresh', 'Full refresh'],
      ['Delete', 'Stop syncing'],
    ] as const) {
      await site.page.getByRole('button', { name: 'More actions' }).click();
      await site.page.locator('.menu-items').getByRole('button', { name: button }).click();
      const text = await site.page.locator('dialog pre').textContent();
      expect(Object.values(acts.get(what) ?? {})).toContain(text);
      await site.page.keyboard.press('Escape');
    }
    await site.page.getByRole('button', { name: 'Pause' }).click();
    expect(Object.values(acts.get('Pause') ?? {})).toContain(await site.page.locator('dialog pre').textContent());
  });

  it('sets and removes a schedule', async () => {
    const schedule = () => site.synced.value('select cron || time_zone from synced_tables.schedules');
    const remove = () => site.synced.value(`select synced_tables.remove_schedule('"S"."Orders"')`);
    await site.page.goto(`${site.url}/console${site.tablePlace('/settings')}`);
    await site.page.getByLabel('Cron expression').fill('0 9 * * MON-FRI');
    await site.page.getByLabel('Time zone').fill('Europe/Berlin');
    await site.page.getByRole('heading', { name: /Next runs/ }).waitFor();
    const set = (await copyAll(site.page, ['Set schedule'])).get('Set schedule');
    expect(await site.runForms(set, schedule, remove)).toBe('0 9 * * MON-FRIEurope/Berlin');
    const acts = await site.copiedAt(site.tablePlace('/settings'), 'Runs', ['Remove schedule']);
    const again = () => site.synced.value(`select synced_tables.set_schedule('"S"."Orders"', '0 9 * * *')`);
    expect(await site.runForms(acts.get('Remove schedule'), schedule, again)).toBeNull();
  });

  it('reads what it shows', async () => {
    const read = async (place: string, ready: string, what: string, forms: readonly string[], expected: string[]) => {
      const copied = (await site.copiedAt(site.tablePlace(place), ready, [what])).get(what);
      for (const form of forms.filter((each) => each !== 'Python' || hasSdk)) {
        const printed = await site.runner.run(form, copied?.[form] ?? `no ${form} of ${what}`);
        for (const text of expected) expect(printed, `${form} of ${what}`).toContain(text);
      }
      expect(Object.keys(copied ?? {})).toEqual(forms);
    };
    const update =
      (await site.synced.value(`select update_id from synced_tables.updates order by created_at desc`)) ?? '';
    await read('/updates', 'Done', 'these updates', ['SQL', 'curl', 'Python'], [update]);
    await read('/objects', 'Primary key', 'this', ['SQL', 'curl', 'Python'], ['PRIMARY_KEY']);
    await read('/rows', 'Show rows', 'Rows of the table', ['SQL', 'curl', 'Python'], ["it's 19"]);
    await read('/events', 'Following', 'This list', ['SQL', 'CLI', 'curl', 'Python'], ['Orders']);
    await read('/events?q=ORDERS%20synced&level=INFO', 'Following', 'This list', ['SQL', 'curl', 'Python'], ['Orders']);
  });

  it('connects and reads as its code says', async () => {
    await site.page.goto(`${site.url}/console${site.tablePlace('/code')}`);
    await site.page
      .getByText(/port=\d+/)
      .first()
      .waitFor();
    const textOf = (title: string) =>
      copyBy(
        site.page,
        site.page.getByRole('region', { name: title, exact: true }).getByRole('button', { name: /^Cop/ }).first(),
      );
    const password = { PGPASSWORD: 'secret' };
    expect(await site.runner.shell(await textOf('Connect'), password)).toContain("it's 7");
    expect(await site.runner.node(await textOf('Node'), password)).toContain("it's 7");
    if (hasPsycopg) expect(await site.runner.python(await textOf('Python'), password)).toContain("it's 7");
    expect(await textOf('Java')).toContain(`/${site.database}?user=${site.keeper}`);
    for (const title of ['Read rows', 'Hear of every sync', 'Wait for a version of the source']) {
      await site.runner.run('SQL', await textOf(title));
    }
    // A role with a password of its own is given none.
    await site.synced.admin.query(`alter role ${site.keeper} password null`);
    const credential = (await copyAll(site.page, ['A password for an hour'])).get('A password for an hour');
    for (const form of FORMS.filter((each) => each === 'curl' || each === 'Python')) {
      expect(await site.runner.run(form, credential?.[form] ?? ''), form).toContain('expiration_time');
    }
    const metrics = await (
      await fetch(`${site.url}/metrics`, { headers: { authorization: `Bearer ${site.keeperToken}` } })
    ).text();
    for (const query of (await textOf('Prometheus')).split('\n')) {
      const [, name = '', labels = ''] = /([a-z_]+)\{(.*)\}/.exec(query) ?? [];
      const line = metrics
        .split('\n')
        .find((each) => each.startsWith(`${name}{`) && labels.split(',').every((label) => each.includes(label)));
      expect(line, query).toBeDefined();
    }
  });
});
