import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken } from '../support/api-client.js';
import { browserProgram, launchBrowser, openPage, type PageFaults } from '../support/browser.js';
import { expectWellDrawn } from '../support/console-pictures.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: events, pipelines, databases, the doctor, tokens and errors are read and worked with in a browser, by those who may.

const [server] = postgresServers().slice(-1);
if (browserProgram === null) process.stderr.write('admin-screens.test.ts is skipped: there is no Chromium here\n');

describe.skipIf(browserProgram === null || server === undefined)('the screens of administrators', () => {
  let synced: SyncedLake;
  let browser: Browser;
  let url: string;
  let database: string;
  let page: Page;
  let faults: PageFaults;
  let keeperRole: string;
  let readerToken: string;
  beforeAll(async () => {
    if (server === undefined) return;
    synced = await SyncedLake.create(server);
    database = (await synced.value('select current_database()')) ?? '';
    await synced.lake.createTable(
      'a.orders',
      { id: 'long', note: 'string' },
      `select i as id, 'n' || i as note from range(120) t(i)`,
    );
    await synced.lake.createTable('a.twice', { id: 'long' }, 'select 1 as id from range(2)');
    ({ url } = await synced.startSidecar());
    keeperRole = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${keeperRole} login`);
    const readerRole = await synced.database.createRole('reader');
    await synced.load('a.orders');
    await synced.wait(await synced.create('a.twice')).catch(() => {});
    await synced.admin.query(
      `select synced_tables.set_schedule('a.orders', '0 9 * * MON-FRI', 'Europe/Berlin');
       grant usage on schema a to ${readerRole}; grant select on a.orders to ${readerRole}`,
    );
    const keeperToken = await createToken(synced, keeperRole);
    readerToken = await createToken(synced, readerRole);
    browser = await launchBrowser();
    ({ page, faults } = await openPage(browser, `${url}/console/sign-in`));
    await signIn(page, keeperToken);
  });
  afterAll(async () => {
    await browser?.close();
    await synced?.[Symbol.asyncDispose]();
  });

  async function signIn(where: Page, token: string): Promise<void> {
    await where.getByLabel('Token', { exact: true }).fill(token);
    await where.getByRole('button', { name: 'Sign in' }).click();
    await where.getByRole('heading', { name: 'Tables', level: 1 }).waitFor();
  }

  const open = async (path: string, heading: string, where = page) => {
    await where.goto(`${url}/console${path}`);
    await where.getByRole('heading', { name: heading, level: 1 }).waitFor();
  };

  it('find an event by words, open it, and link to it', async () => {
    await open('/events', 'Events');
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
    await expectWellDrawn(page, 'events-open');
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
    await expectWellDrawn(page, 'events-none');
  });

  it('show new events by themselves while they are followed', async () => {
    await open('/events', 'Events');
    await page.getByRole('button', { name: 'Following' }).waitFor();
    const before = await page.getByRole('row').count();
    await synced.sync('a.orders');
    await expect.poll(() => page.getByRole('row').count(), { timeout: 40_000 }).toBeGreaterThan(before);
    await expectWellDrawn(page, 'events');
  });

  it('list pipelines, and sync, pause and schedule one', async () => {
    await open('/pipelines', 'Pipelines');
    await page.getByRole('link', { name: 'Synced table: a.twice' }).waitFor();
    await expectWellDrawn(page, 'pipelines');
    await page.getByLabel('State').selectOption('FAILED');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await page.getByLabel('State').selectOption('');
    await page.getByRole('link', { name: 'Synced table: a.orders' }).click();
    await page.getByRole('heading', { name: 'Synced table: a.orders', level: 1 }).waitFor();
    const updates = async () =>
      Number(await synced.value(`select count(*) from synced_tables.updates where synced_table = 'a.orders'`));
    const before = await updates();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await expect.poll(updates, { timeout: 20_000 }).toBe(before + 1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect(await synced.value(`select paused_by from synced_tables.status where synced_table = 'a.orders'`)).toBe(
      keeperRole,
    );
    await expectWellDrawn(page, 'pipeline-paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.getByRole('link', { name: 'Schedule' }).click();
    await page.getByText('Monday to Friday at 09:00, Europe/Berlin').waitFor();
    await page.getByLabel('Cron expression').fill('30 25 * * *');
    await page.getByText(/cannot be its hour/).waitFor();
    await page.getByLabel('Cron expression').fill('30 2 * * *');
    await page.getByRole('heading', { name: 'Next runs: daily at 02:30' }).waitFor();
    await expectWellDrawn(page, 'pipeline-schedule');
    await page.getByRole('button', { name: 'Set schedule' }).click();
    await page.getByText(/Runs daily at 02:30, Europe\/Berlin, set by/).waitFor();
    await page.getByRole('link', { name: 'Events', exact: true }).last().click();
    await page
      .getByRole('row', { name: /paused/ })
      .first()
      .waitFor();
  });

  it('show how databases stand, and what the doctor finds', async () => {
    await open('/databases', 'Databases');
    await page.getByText(/PostgreSQL 18/).waitFor();
    await page.getByText('This sidecar has not examined anything yet.').waitFor();
    await expectWellDrawn(page, 'databases');
    await page.getByRole('link', { name: database }).click();
    await page.getByRole('row', { name: `${keeperRole} Postgres yes` }).waitFor();
    await expectWellDrawn(page, 'database');
    await page.getByRole('link', { name: 'All databases' }).click();
    await synced.admin.query('alter event trigger databricks_auth_1_guard disable');
    await page.getByRole('button', { name: 'Examine now' }).click();
    await page.getByRole('link', { name: 'GUARD_DAMAGED' }).waitFor({ timeout: 60_000 });
    await synced.admin.query('alter event trigger databricks_auth_1_guard enable');
    await page.getByRole('link', { name: 'Show all findings' }).click();
    await page.getByRole('heading', { name: 'Doctor', level: 1 }).waitFor();
    await page.getByText(/things are well/).click();
    await expectWellDrawn(page, 'doctor');
    await page.getByLabel('Severity').selectOption('hint');
    await expect.poll(() => page.url()).toContain('severity=hint');
    await page.getByLabel('Severity').selectOption('error');
    await page.getByRole('link', { name: 'GUARD_DAMAGED' }).click();
    await page.getByText('Found by the doctor as').waitFor();
  });

  it('make a token that is shown once, and revoke it', async () => {
    await open('/tokens', 'Tokens');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByLabel('Role', { exact: true }).fill('no_such_role');
    await page.getByLabel('Description').fill('deploys of the shop');
    await page.locator('form').getByRole('button', { name: 'Create token' }).click();
    await page.getByText('Role no_such_role does not exist.').waitFor();
    await expectWellDrawn(page, 'token-refused');
    await page.getByLabel('Role', { exact: true }).fill(keeperRole);
    await page.locator('form').getByRole('button', { name: 'Create token' }).click();
    const token = await page.getByLabel('Token', { exact: true }).inputValue();
    expect(token).toMatch(/^stt_/);
    await expectWellDrawn(page, 'token-made');
    const reply = await fetch(`${url}/api/2.0/synced-tables/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(reply.status).toBe(200);
    await page.getByRole('button', { name: 'I have it' }).click();
    expect(await page.content()).not.toContain(token);
    const row = page.getByRole('row', { name: /deploys of the shop/ });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await expectWellDrawn(page, 'token-revoke');
    await page.getByRole('button', { name: 'Revoke it' }).click();
    await expect.poll(() => row.count()).toBe(0);
    await page.getByRole('button', { name: 'Show revoked and expired ones' }).click();
    await row.getByText('Revoked').waitFor();
    const refused = await fetch(`${url}/api/2.0/synced-tables/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(refused.status).toBe(401);
  });

  it('say what an error means, and which tables have it', async () => {
    await open('/errors/PRIMARY_KEY_CONSTRAINT_VIOLATION', 'PRIMARY_KEY_CONSTRAINT_VIOLATION');
    await page.getByRole('link', { name: `${database}.a.twice` }).waitFor();
    await expectWellDrawn(page, 'error');
    await page.getByRole('link', { name: 'All errors' }).click();
    await page.getByLabel('Code or words of the message').fill('duplicate flow');
    await expect.poll(() => page.url()).toContain('q=');
    await expectWellDrawn(page, 'errors');
    await open('/errors/NO_SUCH_CODE', 'NO_SUCH_CODE');
    await page.getByText('No error has the code NO_SUCH_CODE.').waitFor();
  });

  it('tell a reader what is missing instead of hiding it', async () => {
    const { page: other, faults: otherFaults } = await openPage(browser, `${url}/console/sign-in`);
    await signIn(other, readerToken);
    await open('/pipelines', 'Pipelines', other);
    await other.getByRole('link', { name: 'Synced table: a.orders' }).click();
    const sync = other.getByRole('button', { name: 'Sync now' });
    await sync.waitFor();
    expect(await sync.getAttribute('aria-disabled')).toBe('true');
    expect(await sync.getAttribute('title')).toContain('a.orders');
    await expectWellDrawn(other, 'pipeline-reader');
    await open('/tokens', 'Tokens', other);
    await other
      .getByText(/Tokens are for members of databricks_superuser/)
      .first()
      .waitFor();
    await open('/databases', 'Databases', other);
    await other
      .getByText(/pg_monitor nor databricks_superuser/)
      .first()
      .waitFor();
    await expectWellDrawn(other, 'databases-reader');
    await open('/events', 'Events', other);
    await other.getByText('Events of tables that your role may not see are not listed.').waitFor();
    expect(await other.getByText('a.twice').count()).toBe(0);
    await other.context().close();
    // What is refused is logged by the browser.
    expect(otherFaults.found.filter((fault) => !/status of (401|403)/.test(fault))).toEqual([]);
  });

  it('ask for nothing elsewhere, and break nothing', () => {
    expect(faults.found.filter((fault) => !/status of (400|403|404|401)/.test(fault))).toEqual([]);
  });
});
