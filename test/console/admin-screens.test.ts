import { expect, it } from 'vitest';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';

// Goal: events, pipelines, databases, the doctor, tokens and errors are read and worked with in a browser, by those who may.

describePages('the screens of administrators', (server) => {
  let reader: Person;
  const site = useConsoleSite(server, {}, async ({ synced, keeper }) => {
    await synced.lake.createTable(
      'a.orders',
      { id: 'long', note: 'string' },
      `select i as id, 'n' || i as note from range(120) t(i)`,
    );
    await synced.lake.createTable('a.twice', { id: 'long' }, 'select 1 as id from range(2)');
    await synced.admin.query(`alter role ${keeper.role} login`);
    reader = await site.person('reader');
    await synced.load('a.orders');
    await synced.wait(await synced.create('a.twice')).catch(() => {});
    await synced.admin.query(
      `select synced_tables.set_schedule('a.orders', '0 9 * * MON-FRI', 'Europe/Berlin');
       grant usage on schema a to ${reader.role}; grant select on a.orders to ${reader.role}`,
    );
  });

  it('find an event by words, open it, and link to it', async () => {
    const page = await site.visit('/events');
    await page
      .getByRole('row', { name: /a\.twice.*several rows/ })
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Errors only' }).click();
    await page.getByLabel('All of these words').fill('TWICE key');
    await expect.poll(() => page.url()).toContain('q=TWICE+key');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await page.getByRole('button', { name: 'Show more of this event' }).click();
    await page.getByText('What to do:').waitFor();
    await site.browser.check(page, 'events-open');
    const address = page.url();
    await page.goto('about:blank');
    await page.goto(address);
    await page.getByText('What to do:').waitFor();
    await page.getByRole('link', { name: '20 events around this one' }).click();
    await page.getByText('Around one event').waitFor();
    await expect.poll(() => page.getByRole('row').count()).toBeGreaterThan(3);
    await page.getByRole('button', { name: 'Back to all events' }).click();
    await page.getByLabel('All of these words').fill('nothing has these words');
    await page.getByRole('heading', { name: 'No events' }).waitFor();
    await site.browser.check(page, 'events-none');
  });

  it('show new events by themselves while they are followed', async () => {
    const page = await site.visit('/events');
    await page.getByRole('button', { name: 'Following' }).waitFor();
    const before = await page.getByRole('row').count();
    await site.synced.sync('a.orders');
    await expect.poll(() => page.getByRole('row').count(), { timeout: 40_000 }).toBeGreaterThan(before);
    await site.browser.check(page, 'events');
  });

  it('list pipelines, and sync, pause and schedule one', async () => {
    const page = await site.visit('/pipelines');
    await page.getByRole('link', { name: 'Synced table: a.twice' }).waitFor();
    await site.browser.check(page, 'pipelines');
    await page.getByLabel('State').selectOption('FAILED');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await page.getByLabel('State').selectOption('');
    await page.getByRole('link', { name: 'Synced table: a.orders' }).click();
    await page.getByRole('heading', { name: 'Synced table: a.orders', level: 1 }).waitFor();
    const updates = async () =>
      Number(await site.synced.value(`select count(*) from synced_tables.updates where synced_table = 'a.orders'`));
    const before = await updates();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await expect.poll(updates, { timeout: 20_000 }).toBe(before + 1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect(await site.synced.value(`select paused_by from synced_tables.status where synced_table = 'a.orders'`)).toBe(
      site.keeper.role,
    );
    await site.browser.check(page, 'pipeline-paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByRole('link', { name: 'Schedule' }).click();
    await page.getByText('Monday to Friday at 09:00, Europe/Berlin').waitFor();
    await page.getByLabel('Cron expression').fill('30 25 * * *');
    await page.getByText(/cannot be its hour/).waitFor();
    await page.getByLabel('Cron expression').fill('30 2 * * *');
    await page.getByRole('heading', { name: 'Next runs: daily at 02:30' }).waitFor();
    await site.browser.check(page, 'pipeline-schedule');
    await page.getByRole('button', { name: 'Set schedule' }).click();
    await page.getByText(/Runs daily at 02:30, Europe\/Berlin, set by/).waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).last().click();
    await page
      .getByRole('row', { name: /paused/ })
      .first()
      .waitFor();
  });

  it('show how databases stand, and what the doctor finds', async () => {
    const page = await site.visit('/databases');
    await page.getByText(/PostgreSQL 18/).waitFor();
    await page.getByText('This sidecar has not examined anything yet.').waitFor();
    await site.browser.check(page, 'databases');
    await page.getByRole('link', { name: site.database }).click();
    await page.getByRole('row', { name: `${site.keeper.role} Postgres yes` }).waitFor();
    await site.browser.check(page, 'database');
    await page.getByRole('link', { name: 'All databases' }).click();
    await site.synced.admin.query('alter event trigger databricks_auth_1_guard disable');
    await page.getByRole('button', { name: 'Examine now' }).click();
    await page.getByRole('link', { name: 'GUARD_DAMAGED' }).waitFor({ timeout: 60_000 });
    await site.synced.admin.query('alter event trigger databricks_auth_1_guard enable');
    await page.getByRole('link', { name: 'Show all findings' }).click();
    await page.getByRole('heading', { name: 'Doctor', level: 1 }).waitFor();
    await page.getByText(/things are well/).click();
    await site.browser.check(page, 'doctor');
    await page.getByLabel('Severity').selectOption('hint');
    await expect.poll(() => page.url()).toContain('severity=hint');
    await page.getByLabel('Severity').selectOption('error');
    await page.getByRole('link', { name: 'GUARD_DAMAGED' }).click();
    await page.getByText('Found by the doctor as').waitFor();
  });

  it('make a token that is shown once, and revoke it', async () => {
    const page = await site.visit('/tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByLabel('Role', { exact: true }).fill('no_such_role');
    await page.getByLabel('Description').fill('deploys of the shop');
    await page.locator('form').getByRole('button', { name: 'Create token' }).click();
    await page.getByText('Role no_such_role does not exist.').waitFor();
    await site.browser.check(page, 'token-refused');
    await page.getByLabel('Role', { exact: true }).fill(site.keeper.role);
    await page.locator('form').getByRole('button', { name: 'Create token' }).click();
    const token = await page.getByLabel('Token', { exact: true }).inputValue();
    expect(token).toMatch(/^stt_/);
    await site.browser.check(page, 'token-made');
    const reply = await fetch(`${site.url}/api/2.0/synced-tables/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(reply.status).toBe(200);
    await page.getByRole('button', { name: 'I have it' }).click();
    expect(await page.content()).not.toContain(token);
    const row = page.getByRole('row', { name: /deploys of the shop/ });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await site.browser.check(page, 'token-revoke');
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await expect.poll(() => row.count()).toBe(0);
    await page.getByRole('button', { name: 'Show revoked and expired ones' }).click();
    await row.getByText('Revoked').waitFor();
    const refused = await fetch(`${site.url}/api/2.0/synced-tables/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(refused.status).toBe(401);
  });

  it('say what an error means, and which tables have it', async () => {
    const page = await site.visit('/errors/PRIMARY_KEY_CONSTRAINT_VIOLATION');
    await page.getByRole('link', { name: `${site.database}.a.twice` }).waitFor();
    await site.browser.check(page, 'error');
    await page.getByRole('link', { name: 'All errors' }).click();
    await page.getByLabel('Code or words of the message').fill('duplicate flow');
    await expect.poll(() => page.url()).toContain('q=');
    await site.browser.check(page, 'errors');
    const unknown = await site.visit('/errors/NO_SUCH_CODE');
    await unknown.getByText('No error has the code NO_SUCH_CODE.').waitFor();
  });

  it('tell a reader what is missing instead of hiding it', async () => {
    const other = await site.visit('/pipelines', { as: reader });
    await other.getByRole('link', { name: 'Synced table: a.orders' }).click();
    const sync = other.getByRole('button', { name: 'Sync now' });
    await sync.waitFor();
    expect(await sync.getAttribute('aria-disabled')).toBe('true');
    expect(await sync.getAttribute('title')).toContain('a.orders');
    await site.browser.check(other, 'pipeline-reader');
    await other.getByRole('link', { name: 'Tokens' }).click();
    await other
      .getByText(/Tokens are for members of databricks_superuser/)
      .first()
      .waitFor();
    await other.getByRole('link', { name: 'Databases' }).click();
    await other
      .getByText(/pg_monitor nor databricks_superuser/)
      .first()
      .waitFor();
    await site.browser.check(other, 'databases-reader');
    await other.getByRole('link', { name: 'Events', exact: true }).click();
    await other.getByText('Events of tables that your role may not see are not listed.').waitFor();
    expect(await other.getByText('a.twice').count()).toBe(0);
  });
});
