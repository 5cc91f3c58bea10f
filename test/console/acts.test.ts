import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';

// Goal: what is done to one table says for which others it is done too, what is done to many says what became of each, and a
// schedule means what people of its time zone take it for.

const ZONE = 'Europe/Berlin';
const DAY_MS = 86_400_000;

describePages('what is done to tables', (server) => {
  let clerk: Person;
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    const names = ['acts.a', 'acts.b', 'acts.c'];
    for (const name of names) await synced.lake.createTable(name, { id: 'long' }, 'select 1 as id');
    await synced.load('acts.a', { policy: 'TRIGGERED' });
    await synced.wait(await synced.create('acts.b', { policy: 'TRIGGERED', beside: 'acts.a' }));
    await synced.load('acts.c', { policy: 'TRIGGERED' });
    clerk = await site.person('clerk');
    await synced.admin.query(`select databricks_synced_table_add_manager('acts.c', '${clerk.role}');
      grant usage on schema acts to ${clerk.role}; grant select on acts.a to ${clerk.role}`);
  });

  it('names the other tables that a full refresh, or a pause, takes along', async () => {
    const page = await site.visit(`/tables/${site.database}.acts.a`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('button', { name: 'Full refresh' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('1 other table of its pipeline goes along').waitFor();
    await dialog.getByText(`${site.database}.acts.b`, { exact: true }).waitFor();
    expect(await dialog.textContent()).not.toContain('acts.c');
    await site.browser.check(page, 'table-refresh');
    await dialog.getByRole('button', { name: 'Full refresh' }).click();
    const link = page.getByRole('link', { name: 'See it' });
    await link.waitFor();
    const id = (await link.getAttribute('href'))?.split('/').at(-1) ?? '';
    await expect
      .poll(
        () =>
          site.synced.value(
            `select string_agg(synced_table || ' ' || method, ', ' order by synced_table)
               from synced_tables._table_updates where update_id = $1 and state = 'COMPLETED'`,
            [id],
          ),
        { timeout: 30_000 },
      )
      .toBe('acts.a SNAPSHOT, acts.b SNAPSHOT');
    await page.getByRole('button', { name: 'Pause' }).click();
    await dialog.getByText(`${site.database}.acts.b`, { exact: true }).waitFor();
  });

  it('does to many what may be done, and says of the rest why it was not', async () => {
    const page = await site.visit('/tables?schema=acts&sort=name', { as: clerk });
    await page.getByRole('checkbox', { name: /acts\.a$/ }).check();
    await page.getByRole('checkbox', { name: /acts\.c$/ }).check();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('Requested for 1 table, refused for 1.').waitFor();
    const refused = page.locator('.outcomes li');
    expect(await refused.count()).toBe(1);
    expect(await refused.textContent()).toMatch(/acts\.a: .*may not/);
    expect(
      await site.synced.value(`select count(*) from synced_tables.updates where requested_by = $1`, [clerk.role]),
    ).toBe('1');
    await site.browser.check(page, 'overview-mixed');
  });

  it('plans a schedule by the clocks of its zone, also on the day on which they change', async () => {
    const { day, month, before, after } = nextClockChange(new Date());
    const page = await site.visit(`/tables/${site.database}.acts.c/settings`);
    await page.getByLabel('Time zone').fill(ZONE);
    // Noon is the same by the clock, and another hour by the world.
    await page.getByLabel('Cron expression').fill(`0 12 ${day - 1}-${day + 1} ${month} *`);
    await page.getByRole('heading', { name: /^Next runs/ }).waitFor();
    const runs = page.locator('.next-runs li');
    await expect.poll(() => runs.count()).toBe(5);
    const two = (number: number) => String(number).padStart(2, '0');
    const noon = (at: number, offset: string) => new RegExp(`-${two(month)}-${two(at)} 12:00 \\${offset}`);
    expect(await runs.nth(0).textContent()).toMatch(noon(day - 1, before));
    expect(await runs.nth(0).textContent()).not.toContain('clocks change');
    expect(await runs.nth(1).textContent()).toMatch(noon(day, after));
    expect(await runs.nth(1).textContent()).toContain('clocks change on this day');
    expect(await runs.nth(2).textContent()).toMatch(noon(day + 1, after));
    await site.browser.check(page, 'schedule-clock-change');
    // Half past two is once that day, whether the hour is left out or comes twice.
    await page.getByLabel('Cron expression').fill(`30 2 ${day} ${month} *`);
    await expect.poll(() => runs.nth(0).textContent()).toMatch(new RegExp(`-${two(month)}-${two(day)} 0[23]:\\d\\d`));
    expect(await runs.nth(1).textContent()).not.toContain((await runs.nth(0).textContent())?.slice(0, 10));
    const shown = await runs.nth(0).locator('time').getAttribute('datetime');
    await page.getByRole('button', { name: 'Set schedule' }).click();
    await page.getByText(`, ${ZONE}, set by ${site.keeper.role}`).waitFor();
    await expect.poll(() => site.synced.value(`select next_run_at from synced_tables.schedules`)).not.toBeNull();
    const planned = await site.synced.value(
      `select to_char(next_run_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from synced_tables.schedules`,
    );
    expect(planned).toBe(shown);
  });
});

/** The day on which the clocks of the zone change next, and how far they are from UTC before and after. */
function nextClockChange(now: Date): { day: number; month: number; before: string; after: string } {
  const offset = (at: number) =>
    new Intl.DateTimeFormat('en-US', { timeZone: ZONE, timeZoneName: 'longOffset' })
      .formatToParts(new Date(at))
      .find(({ type }) => type === 'timeZoneName')
      ?.value.slice(3) ?? '';
  // Two days on: the day before has to be ahead too.
  let noon = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 2, 12);
  while (offset(noon) === offset(noon + DAY_MS)) noon += DAY_MS;
  const changed = new Date(noon + DAY_MS);
  return {
    day: changed.getUTCDate(),
    month: changed.getUTCMonth() + 1,
    before: offset(noon),
    after: offset(noon + DAY_MS),
  };
}
