import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  axeFindings,
  browserProgram,
  launchBrowser,
  openPage,
  type PageFaults,
  takePicture,
} from '../support/browser.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { type IncidentTable, incidents, portalFolder } from '../support/support-portal.js';

// Goal: agents see in their browsers what the lakehouse predicts and what other agents do, lose nothing of their own, and
// can work with a keyboard, a screen reader and a telephone.

const WAIT_MS_MAX = 60_000;

/** The example as people start it, but for the simulator: the tests commit themselves. */
class RunningExample {
  portal = '';
  #adminUrl = '';
  #child: ChildProcess | null = null;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'test-portal-'));

  get lake(): string {
    return path.join(this.#folder, 'lake');
  }

  async start(): Promise<void> {
    chmodSync(this.#folder, 0o755); // the server may run as another user
    const port = this.portal === '' ? '0' : new URL(this.portal).port;
    const args = [path.join(portalFolder, 'start.mjs'), '--no-simulator', '--port', port, '--data-dir', this.#folder];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let said = '';
    const isUp = new Promise<void>((resolve) => {
      for (const output of [child.stdout, child.stderr]) {
        output.on('data', (text) => {
          said += text;
          if (said.includes('until you press Ctrl-C')) resolve();
        });
      }
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the example ended: ${said}`)));
    ended.catch(() => {}); // later ends are wanted
    await Promise.race([isUp, ended]);
    [, this.portal = ''] = /^Portal: +(\S+)$/m.exec(said) ?? [];
    [, this.#adminUrl = ''] = /^psql: +psql "(\S+)"$/m.exec(said) ?? [];
  }

  /** Runs a statement as a superuser. */
  async query(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.#adminUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async remove(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe.skipIf(browserProgram === null)('the page of examples/support-portal (needs a chromium in PATH)', () => {
  const example = new RunningExample();
  let source: IncidentTable;
  let browser: Browser;
  const opened: { page: Page; faults: PageFaults }[] = [];

  beforeAll(async () => {
    await ensureBuilt();
    await example.start();
    source = await incidents.openIncidents(example.lake);
    browser = await launchBrowser();
  }, 5 * WAIT_MS_MAX);
  afterAll(async () => {
    await browser?.close();
    source?.close();
    await example.remove();
  });

  /** Opens the page as an agent, at an address below the portal's. */
  async function openAs(agent: string, address = '', options: Parameters<typeof openPage>[2] = {}): Promise<Page> {
    const open = await openPage(browser, example.portal + address, options);
    open.page.setDefaultTimeout(WAIT_MS_MAX);
    opened.push(open);
    if (agent !== '') await open.page.getByLabel('You are').selectOption(agent);
    await expect.poll(() => open.page.locator('#freshness').textContent()).toContain(', live');
    return open.page;
  }

  /** Ends the pages of a test, none of which may have done anything wrong. */
  async function closePages(allowed = /^$/): Promise<void> {
    for (const { page, faults } of opened.splice(0)) {
      await page.context().close();
      expect(faults.found.filter((fault) => !allowed.test(fault))).toEqual([]);
    }
  }

  const row = (page: Page, id: string) => page.locator(`tr[data-id="${id}"]`);
  const idsOn = (page: Page) =>
    page.locator('#rows tr').evaluateAll((rows) => rows.map((each) => each.dataset.id ?? ''));
  const byRisk = async (from: number) =>
    (await source.query('select incident_id from rows order by escalation_risk desc, incident_id'))
      .map((each) => String(each.incident_id))
      .slice(from);

  it('shows a prediction that is committed in the lakehouse, with an arrow and in words', async () => {
    const [first = ''] = await byRisk(3);
    const page = await openAs('Ana');
    await row(page, first).waitFor();
    await source.commit(incidents.rescoring(first, 0.997));
    await row(page, first).getByText('1.00', { exact: true }).waitFor();
    expect(await row(page, first).locator('td').first().textContent()).toMatch(/^1\.00▲, up from 0\.\d\d$/);
    // Nobody has a row in hand: the list is sorted anew.
    await expect.poll(() => idsOn(page).then(([top]) => top)).toBe(first);
    await expect.poll(() => page.locator('#freshness').textContent()).toContain(`(version ${source.version}), live`);
    expect(await page.locator('#announcement').textContent()).toContain(`The risk of ${first} went up from`);
    await takePicture(page, 'portal-list-light-1280');
    await closePages();
  });

  it('shows a claim of one agent to the others, and gives a ticket to one of two who claim it', async () => {
    const [one = '', two = ''] = await byRisk(4);
    const ana = await openAs('Ana');
    const rui = await openAs('Rui', '', { colorScheme: 'dark' });
    await row(ana, one)
      .getByRole('button', { name: `Claim ${one}` })
      .click();
    await ana.getByText(`${one} is yours.`).waitFor();
    await row(rui, one).getByText('Ana', { exact: true }).waitFor();
    await row(rui, one).getByText('claimed', { exact: true }).waitFor();
    // Not by the mouse: the one who is slower would find the button gone.
    const claim = (page: Page) =>
      row(page, two)
        .locator('button')
        .evaluate((button) => (button as HTMLElement).click());
    await Promise.all([ana, rui].map(claim));
    const messages = () => Promise.all([ana, rui].map((page) => page.locator('#list-message').textContent()));
    await expect
      .poll(messages)
      .toEqual(
        expect.arrayContaining([
          `${two} is yours.`,
          expect.stringMatching(new RegExp(`^(Ana|Rui) has ${two} already\\.$`)),
        ]),
      );
    await closePages(/409 \(Conflict\)/);
  });

  it('keeps comment and status through a full refresh and a kill of everything, on the page that stays open', async () => {
    const [id = ''] = await byRisk(10);
    const page = await openAs('Mira', `?ticket=${id}`);
    const ticket = page.getByRole('article');
    await ticket.getByRole('button', { name: 'Claim' }).click();
    await ticket.getByLabel('Your comment').fill('Called back;\nwaits for the number. <b>&amp;</b>');
    await ticket.getByRole('button', { name: 'Comment' }).click();
    await ticket.getByText('Comments (1)').waitFor();
    await ticket.getByLabel('Status').selectOption('waiting');
    await ticket.getByText('Mira set the status to waiting').waitFor();
    await takePicture(page, 'portal-ticket-light-1280');
    await example.query(
      `call synced_tables.wait_for_update(synced_tables.sync_now('support.incidents', full_refresh => true))`,
    );
    await example.end('SIGKILL');
    await expect.poll(() => page.locator('#freshness').textContent()).toContain('not live');
    await ticket.getByLabel('Status').selectOption('resolved');
    await ticket.getByText('The portal does not answer: that may be done or not.').waitFor();
    await page.getByRole('alert').getByText('What you see may be old; trying again.').waitFor();
    expect(await ticket.getByLabel('Status').inputValue()).toBe('waiting');
    expect(await axeFindings(page)).toEqual([]);
    await takePicture(page, 'portal-not-live-light-1280');
    await ticket.getByLabel('Your comment').fill('A draft');
    await example.start();
    await page.getByRole('alert').waitFor({ state: 'hidden' });
    await source.commit(incidents.rescoring(id, 0.111));
    await ticket.getByText('0.11', { exact: true }).waitFor();
    expect(await ticket.locator('.comments').textContent()).toContain(
      'Called back;\nwaits for the number. <b>&amp;</b>',
    );
    expect(await ticket.getByLabel('Status').inputValue()).toBe('waiting');
    expect(await ticket.getByLabel('Your comment').inputValue()).toBe('A draft');
    await ticket.getByRole('button', { name: 'Comment' }).click();
    await ticket.getByText('Comments (2)').waitFor();
    await closePages(/Failed to load resource|ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE/);
  });

  it('shows an incident that is gone upstream with what was done about it', async () => {
    const [id = ''] = await byRisk(20);
    const page = await openAs('Rui', `?ticket=${id}`);
    const ticket = page.getByRole('article');
    await ticket.getByRole('button', { name: 'Claim' }).click();
    await ticket.getByText('Owner: Rui').waitFor();
    await source.commit(incidents.removal(id));
    await ticket.getByText('Closed upstream: the lakehouse has this incident no longer.').waitFor();
    expect(await ticket.getByText('Owner: Rui').count()).toBe(1);
    await page.getByRole('link', { name: 'Closed upstream' }).click();
    await row(page, id).waitFor();
    await row(page, id).getByRole('link').click();
    await ticket.getByText('Rui claimed the ticket').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await takePicture(page, 'portal-closed-light-1280');
    await closePages();
  });

  it('leaves rows in their places while a ticket is open, and sorts them on request', async () => {
    const ids = await byRisk(0);
    const [top = '', , third = '', , lower = ''] = ids;
    const page = await openAs('Ana', `?ticket=${third}`);
    await row(page, lower).waitFor({ state: 'attached' });
    const before = await idsOn(page);
    await source.commit(incidents.rescoring(top, 0.2), incidents.rescoring(lower, 0.999));
    const again = page.getByRole('button', { name: /rows changed place: sort again$/ });
    await again.waitFor();
    const shown = await idsOn(page);
    expect(shown.filter((id) => before.includes(id))).toEqual(before.filter((id) => shown.includes(id)));
    await again.click();
    expect((await idsOn(page))[0]).toBe(lower);
    await again.waitFor({ state: 'hidden' });
    await closePages();
  });

  it('has the whole view in the address', async () => {
    const page = await openAs('Ana');
    await page.getByRole('combobox', { name: 'Category' }).selectOption('payments');
    await page.getByRole('slider', { name: 'Risk at least' }).fill('0.3');
    await page.getByLabel('Search').fill('Card charged');
    await page.waitForURL(/category=payments&risk=0\.3&q=Card\+charged$/);
    await expect
      .poll(() =>
        page
          .locator('#rows .title')
          .allTextContents()
          .then((titles) => [...new Set(titles)]),
      )
      .toEqual(['Card charged twice']);
    const ids = await idsOn(page);
    await row(page, ids[0] ?? '')
      .getByRole('link')
      .click();
    await page.getByRole('article').waitFor();
    const copied = await openPage(browser, page.url());
    opened.push(copied);
    await expect.poll(() => idsOn(copied.page)).toEqual(ids);
    await copied.page
      .getByRole('article')
      .getByRole('heading', { name: ids[0] ?? '' })
      .waitFor();
    expect(await copied.page.getByLabel('Search').inputValue()).toBe('Card charged');
    await page.goBack();
    await page.getByRole('article').waitFor({ state: 'hidden' });
    expect(await page.getByLabel('Search').inputValue()).toBe('Card charged');
    await page.getByRole('link', { name: 'Resolved' }).click();
    await page.getByText('No ticket fits the filter.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    const nobody = await openAs('', '?tab=mine');
    await nobody.getByText('Choose your name to see your tickets.').waitFor();
    await nobody.getByRole('link', { name: 'Open' }).click();
    await nobody.getByRole('button', { name: 'Show 50 more' }).click();
    await expect.poll(() => idsOn(nobody).then(({ length }) => length)).toBe(100);
    await closePages();
  });

  it('can be used with the keyboard, which finds its way back', async () => {
    const page = await openAs('');
    const [first = ''] = await idsOn(page);
    await row(page, first).getByRole('link').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('ticket-title');
    const claim = page.getByRole('article').getByRole('button', { name: 'Claim' });
    if (await claim.isVisible()) {
      await claim.press('Enter');
      await page.getByText('Choose your name first').waitFor();
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('agent');
    }
    await page.getByRole('article').getByRole('button', { name: 'Close' }).focus();
    await page.keyboard.press('Escape');
    await page.getByRole('article').waitFor({ state: 'hidden' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest('tr')?.dataset.id)).toBe(first);
    await closePages();
  });

  it.each([
    ['light', 1280],
    ['light', 400],
    ['dark', 1280],
    ['dark', 400],
  ] as const)('has nothing that axe finds in %s at %i px, and does not scroll sideways', async (colorScheme, width) => {
    const options = { colorScheme, viewport: { width, height: 900 }, hasTouch: width === 400 };
    const page = await openAs('Ana', '', options);
    const [first = ''] = await idsOn(page);
    const check = async (name: string) => {
      expect(await axeFindings(page), name).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width);
      await takePicture(page, `portal-${name}-${colorScheme}-${width}`);
    };
    await check('list');
    await row(page, first).getByRole('link').click();
    await page.getByRole('article').waitFor();
    await expect.poll(() => page.locator('#rows').isVisible()).toBe(width !== 400);
    await check('ticket');
    await page.getByRole('article').getByRole('button', { name: 'Close' }).click();
    await page.getByRole('link', { name: 'Mine' }).click();
    await check('mine');
    await page.emulateMedia({ forcedColors: 'active' });
    expect(await axeFindings(page)).toEqual([]);
    await closePages();
  });
});
