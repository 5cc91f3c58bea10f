import { expect, it } from 'vitest';
import { hashBearerToken } from '../../src/api/identity/bearer-token.js';
import { describePages, useConsoleSite } from '../support/console-site.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { SyncedLake } from '../support/synced-lake.js';
import { WebProxy } from '../support/web-proxy.js';

// Goal: an open page goes on when one of two sidecars dies, and when one of two databases is down: what is there is shown, and
// what is not is said.

describePages('two sidecars behind one address', (server) => {
  let source: DeltaWriter;
  const choices = { pollSeconds: 1, leaseSeconds: 5 };
  const site = useConsoleSite(server, { sidecar: choices }, async ({ synced }) => {
    source = await synced.lake.createTable('two.t', { id: 'long' }, 'select i as id from range(3) t(i)');
    await synced.load('two.t', { policy: 'CONTINUOUS' });
  });

  it('serve the page in turn: when one is killed, it goes on where it was', async () => {
    const { synced, browser, keeper } = site;
    await using dying = await synced.spawnSidecar(choices);
    const started = dying.log.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'sidecar started');
    await using proxy = await WebProxy.start();
    proxy.targets = [started.url, site.url];
    const page = await browser.visit(proxy.url, `/tables/${site.database}.two.t`, keeper);
    const rows = page.locator('.facts').first();
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await rows.getByText('3', { exact: true }).waitFor();
    await dying.kill();
    await page.getByRole('button', { name: /^Connection lost/ }).waitFor();
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await source.append('select 10 + i as id from range(4) t(i)');
    await rows.getByText('7', { exact: true }).waitFor({ timeout: 30_000 });
    // Signed in as before, for what changes something too.
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/is queued/).waitFor();
    await page
      .getByRole('link', { name: 'All updates' })
      .or(page.getByRole('link', { name: 'Updates' }))
      .first()
      .click();
    await page.locator('tbody tr').first().waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('read rows for a preview, whichever of them is asked for it, and what they said counts for both', async () => {
    const { synced, browser, keeper } = site;
    await using other = await synced.startSidecar(choices);
    await using proxy = await WebProxy.start();
    proxy.targets = [site.url, other.url];
    proxy.takesTurns = true;
    const page = await browser.visit(proxy.url, '/create?source=lake.two.t&key=id', keeper);
    const counted = page.getByText('0 keys with several rows, 0 rows without key.');
    await counted.waitFor();
    const answers: [string, number][] = [];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.includes('/previews')) answers.push([response.request().method(), response.status()]);
    });
    await page.getByRole('button', { name: /^Check the key/ }).click();
    // Looked at once more, now with the rows: by whichever sidecar.
    await expect.poll(() => answers.filter(([method]) => method === 'POST').length).toBeGreaterThan(1);
    await expect.poll(() => answers.filter(([method]) => method === 'GET').length).toBeGreaterThan(0);
    await counted.waitFor();
    expect(answers.filter(([, status]) => status !== 200)).toEqual([]);
  });
});

describePages('two databases, one of which goes down', (server) => {
  let other: SyncedLake;
  let way: FaultProxy;
  const site = useConsoleSite(
    server,
    {
      sidecar: async () => {
        other = await SyncedLake.create(server);
        way = await FaultProxy.start(other.sidecarUrl);
        return { instances: { second: { url: way.url } }, pollSeconds: 1 };
      },
    },
    async ({ synced, keeper }) => {
      for (const name of ['here.t', 'far.t']) await synced.lake.createTable(name, { id: 'long' }, 'select 1 as id');
      await Promise.all([synced.load('here.t'), other.load('far.t')]);
      // The same person, with the same token, on both.
      await other.admin.query('select synced_tables.create_token($1, $2)', [
        keeper.role,
        hashBearerToken(keeper.token),
      ]);
    },
  );

  it('says of the one that it is down in a row of its own, and goes on with the other', async () => {
    const page = await site.visit('/tables');
    await page.getByRole('row', { name: /far\.t/ }).waitFor();
    await page.getByRole('row', { name: /here\.t/ }).waitFor();
    way.refuses = true;
    way.strike('reset');
    await page.reload();
    const down = page.getByText(/^Database second\/.* cannot be asked/);
    await down.waitFor();
    await page.getByRole('row', { name: /here\.t/ }).waitFor();
    expect(await page.getByRole('row', { name: /far\.t/ }).count()).toBe(0);
    await site.browser.check(page, 'database-down');
    // What works goes on: this person is known, and may do what they could.
    await page.getByRole('link', { name: /here\.t$/ }).click();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/is queued/).waitFor();
    await page.getByRole('link', { name: 'Databases' }).click();
    const box = page.getByRole('region', { name: 'second' });
    await box.getByRole('link', { name: 'POSTGRES_UNREACHABLE' }).waitFor();
    await page.getByRole('region', { name: 'local' }).getByText('PostgreSQL 18').waitFor();
    await site.browser.check(page, 'databases-down');
    // What was there is not said to be gone.
    const gone = await site.visit(`/tables/${await other.value('select current_database()')}.far.t`);
    await gone.getByRole('link', { name: 'POSTGRES_UNREACHABLE' }).waitFor();
    for (const list of ['Pipelines', 'Events']) {
      await page.getByRole('link', { name: list, exact: true }).click();
      await page
        .getByText(/second\//)
        .first()
        .waitFor();
      await page.getByText('here.t').first().waitFor();
    }
    way.refuses = false;
    await page.goto(`${site.url}/console/tables`);
    await page.getByRole('row', { name: /far\.t/ }).waitFor({ timeout: 40_000 });
    expect(await down.count()).toBe(0);
  });
});
