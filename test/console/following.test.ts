import type pg from 'pg';
import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';

// Goal: on an open page people see what the lakehouse commits within seconds, what an update waits for, that it is tried again,
// and what pausing holds back.

/** Of a commit, until the open page of the table shows it. */
const SHOWN_MS_MAX = 3_000;

describePages('a table that moves', (server) => {
  let source: DeltaWriter;
  let reader: pg.Client;
  const site = useConsoleSite(server, { sidecar: { pollSeconds: 1 } }, async ({ synced }) => {
    source = await synced.lake.createTable('f.t', { id: 'long' }, 'select i as id from range(50) t(i)');
    const held = await synced.lake.createTable('f.held', { id: 'long' }, 'select i as id from range(50) t(i)');
    await Promise.all([synced.load('f.t', { policy: 'CONTINUOUS' }), synced.load('f.held')]);
    // It is waited for while the first tests run.
    reader = await synced.database.connect();
    await reader.query(`set application_name = '<b>night report</b>'; begin`);
    await reader.query(`select 'secret of the report', id from f.held limit 1`);
    await held.append('select 100 as id');
    await synced.requestSync('f.held');
  });
  const rowsOf = (count: number) => new Intl.NumberFormat('en').format(count);

  it('shows a commit of the lakehouse on the open page within three seconds', async () => {
    const page = await site.visit(`/tables/${site.database}.f.t`);
    const rows = page.locator('.facts').first();
    await page.getByText('Following').first().waitFor();
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    const taken: number[] = [];
    // The quickest of some: this machine may be busy, but a page that polls is never quick.
    for (let n = 1; n <= 4; n++) {
      await source.append(`select ${1_000 * n} + i as id from range(1000) t(i)`);
      const committedAt = performance.now();
      await rows.getByText(rowsOf(50 + 1_000 * n), { exact: true }).waitFor();
      taken.push(performance.now() - committedAt);
    }
    expect(Math.min(...taken)).toBeLessThan(SHOWN_MS_MAX);
    expect(page.url()).toMatch(/f\.t$/);
  });

  it('stands still while it is paused, and catches up when it is resumed', async () => {
    const page = await site.visit(`/tables/${site.database}.f.t`);
    const rows = page.locator('.facts').first();
    await page.getByRole('button', { name: 'Pause' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('stops following').waitFor();
    await site.browser.check(page, 'table-pause');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.table-condition').getByText('Paused').waitFor();
    const before = await site.synced.value('select count(*) from f.t');
    await source.append('select 90000 + i as id from range(7) t(i)');
    await source.append('select 95000 + i as id from range(2) t(i)');
    // Longer than it takes to follow.
    await page.waitForTimeout(3_000);
    expect(await site.synced.value('select count(*) from f.t')).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await rows.getByText(rowsOf(Number(before) + 9), { exact: true }).waitFor();
    await page.locator('.table-condition').getByText('Following').waitFor();
    await site.synced.expectEqual('f.t', source, ['id']);
  });

  it('names the session that it waits for, and nothing of what that runs', async () => {
    const page = await site.visit(`/tables/${site.database}.f.held`);
    const { rows } = await reader.query<{ pid: number }>('select pg_backend_pid() as pid');
    try {
      await page.getByRole('heading', { name: 'Waits for a lock' }).waitFor({ timeout: 40_000 });
      await page.getByText(`Process ${rows[0]?.pid}, role postgres, <b>night report</b>`).waitFor();
      await page.locator('.table-condition').getByText('Waits for a lock').waitFor();
      await site.browser.check(page, 'table-waits');
      for (const tab of ['Updates', 'Events', 'Objects']) {
        await page.getByRole('link', { name: tab, exact: true }).last().click();
        await page.waitForLoadState('networkidle');
        expect(await page.content()).not.toContain('secret of the report');
      }
    } finally {
      await reader.query('commit');
    }
    await page.locator('.table-condition').getByText('Up to date').waitFor({ timeout: 40_000 });
    expect(await page.getByRole('heading', { name: 'Waits for a lock' }).count()).toBe(0);
  });
});

describePages('a table of a store in trouble', (server) => {
  let store: S3FolderServer;
  let source: DeltaWriter;
  const sidecar = async ({ lake }: { lake: { root: string } }) => {
    store = await S3FolderServer.start(lake.root);
    return {
      catalogs: { lake: { kind: 'path', root: `s3://${BUCKET}/`, storage: store.settings } },
      storage: { attempts: 1, timeout_seconds: 2 },
    };
  };
  const site = useConsoleSite(server, { sidecar }, async ({ synced }) => {
    source = await synced.lake.createTable('s.t', { id: 'long' }, 'select i as id from range(5) t(i)');
    await synced.load('s.t');
  });

  it('says that it is tried again while the store is stopped, and recovers by itself', async () => {
    await using _ = store;
    const page = await site.visit(`/tables/${site.database}.s.t`);
    const condition = page.locator('.table-condition');
    await condition.getByText('Up to date').waitFor();
    store.fault = () => 'reset';
    await source.append('select 100 as id');
    await page.getByRole('button', { name: 'Sync now' }).click();
    await condition.getByText(/^Retrying in .* \(attempt \d\)$/).waitFor({ timeout: 40_000 });
    await page.getByRole('heading', { name: 'What went wrong' }).waitFor();
    await page.getByText('It is tried again').waitFor();
    await page.getByText('Readers go on seeing the rows of the last sync').waitFor();
    await site.browser.check(page, 'table-retrying');
    store.fault = () => null;
    await condition.getByText('Up to date').waitFor({ timeout: 60_000 });
    await page.locator('.facts').first().getByText('6', { exact: true }).waitFor();
    expect(await page.getByRole('heading', { name: 'What went wrong' }).count()).toBe(0);
  });
});
