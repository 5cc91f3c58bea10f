import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';
import { WebProxy } from '../support/web-proxy.js';

// Goal: the console works below any path of a proxy, with the keyboard alone, and in several tabs with one stream.

describePages('the console wherever it is', (server) => {
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    await synced.lake.createTable('gold.a', { id: 'long' }, 'select 1 as id');
    await synced.lake.createTable('gold.b', { id: 'long' }, 'select 1 as id');
    await Promise.all([synced.load('gold.a'), synced.load('gold.b')]);
  });

  it('works below the path of a proxy that speaks TLS, with a cookie for nothing else', async () => {
    const { synced, browser } = site;
    await using proxy = await WebProxy.start({ prefix: '/data/synced', isSecure: true });
    const sidecar = await synced.startSidecar({ publicUrl: proxy.url });
    proxy.targets = [sidecar.url];
    const page = await browser.visit(proxy.url, '/tables');
    await page.getByRole('textbox', { name: 'Token' }).fill(site.keeper.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: /gold\.a$/ }).click();
    await page.getByRole('heading', { name: /gold\.a$/ }).waitFor();
    expect(page.url()).toBe(`${proxy.url}/console/tables/${site.database}.gold.a`);
    expect(await page.context().cookies()).toEqual([
      expect.objectContaining({
        name: '__Host-synced-tables',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict',
        path: '/',
      }),
    ]);
    await page.reload();
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/is queued/).waitFor();
    await page.getByRole('link', { name: 'Code' }).click();
    await page.getByText(`${proxy.url}/api/2.0/database/credentials`).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(page.url()).toContain('/data/synced/console/sign-in');
    expect(await page.context().cookies()).toEqual([]);
  });

  it('holds one stream for six tabs, and another tab takes over when the one that holds it is closed', async () => {
    const { browser, keeper } = site;
    await using proxy = await WebProxy.start();
    proxy.targets = [site.url];
    const first = await browser.visit(proxy.url, '/tables', keeper);
    const others = await Promise.all(
      ['/tables', '/pipelines', '/events', '/databases', '/tables'].map((place) =>
        browser.visit(proxy.url, place, { beside: first }),
      ),
    );
    for (const tab of [first, ...others]) await tab.getByRole('button', { name: 'Live', exact: true }).waitFor();
    expect(proxy.streams).toBe(1);
    expect(proxy.streamsOpened).toBe(1);
    await first.close();
    await expect.poll(() => [proxy.streams, proxy.streamsOpened], { timeout: 30_000 }).toEqual([1, 2]);
    // And it tells all of them.
    const last = others.at(-1);
    await site.synced.admin.query(`select synced_tables.pause_pipeline('gold.b')`);
    await last
      ?.getByRole('row', { name: /gold\.b/ })
      .getByText('Paused')
      .waitFor({ timeout: 5_000 });
    await site.synced.admin.query(`select synced_tables.resume_pipeline('gold.b')`);
    expect([proxy.streams, proxy.streamsOpened]).toEqual([1, 2]);
  });

  it('says that the stream is cut, asks by itself meanwhile, and follows it again', async () => {
    const { browser, keeper, synced } = site;
    await using proxy = await WebProxy.start();
    proxy.targets = [site.url];
    const page = await browser.visit(proxy.url, '/tables', keeper);
    const row = page.getByRole('row', { name: /gold\.b/ });
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await page.clock.install();
    proxy.refusesStreams = true;
    proxy.cutStreams();
    await page.getByRole('button', { name: /^Connection lost, retrying in [1-3] s$/ }).waitFor();
    await browser.check(page, 'stream-lost');
    // The server refuses a stream: that is no loss, but a slower way.
    await page.getByRole('button', { name: 'Every 30 s' }).waitFor();
    await synced.admin.query(`select synced_tables.pause_pipeline('gold.b')`);
    await page.clock.fastForward(31_000);
    await row.getByText('Paused').waitFor();
    expect(proxy.streams).toBe(0);
    proxy.refusesStreams = false;
    await page.clock.fastForward(31_000);
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await synced.admin.query(`select synced_tables.resume_pipeline('gold.b')`);
    await row.getByText('Up to date').waitFor({ timeout: 5_000 });
  });

  it('is used with the keyboard alone', async () => {
    const page = await site.visit('/tables');
    await page.getByRole('link', { name: /gold\.a$/ }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 table selected').first().waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /gold\.b$/ }).waitFor();
    // The heading has the focus, for screen readers.
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
    await page.getByRole('button', { name: 'Sync now' }).waitFor();
    await page.keyboard.press('s');
    await page.getByText(/is queued/).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Search/ }).fill('gold.a');
    await page.getByRole('option', { name: /gold\.a/ }).waitFor();
    await site.browser.check(page, 'search');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /gold\.a$/ }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { name: 'Tables', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('gold.b');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    expect(new URL(page.url()).searchParams.get('q')).toBe('gold.b');
    await page.getByRole('searchbox').blur();
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    await site.browser.check(page, 'keys');
    await page.keyboard.press('Escape');
    await page.keyboard.press('.');
    await page.getByRole('button', { name: 'Paused' }).waitFor();
  });

  it('keeps every letter of a filter that is typed while the list is narrowed by its beginning', async () => {
    const page = await site.visit('/tables');
    const filter = page.getByRole('searchbox');
    await page.getByRole('link', { name: /gold\.a$/ }).waitFor();
    await filter.focus();
    // One letter between the change of the address and its painting, another one after that.
    await page.evaluate(() => {
      const { replaceState } = history;
      history.replaceState = (...args) => {
        history.replaceState = replaceState;
        history.replaceState(...args);
        document.execCommand('insertText', false, 'o');
        setTimeout(() => document.execCommand('insertText', false, 'ld.b'), 150);
      };
    });
    await page.keyboard.type('g');
    await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('gold.b');
    expect(await filter.inputValue()).toBe('gold.b');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
  });

  it('does not narrow the next list by what was typed last', async () => {
    const page = await site.visit('/tables');
    await page.getByRole('link', { name: /gold\.a$/ }).waitFor();
    await page.getByRole('searchbox').pressSequentially('a');
    await page.getByRole('link', { name: 'Pipelines', exact: true }).click();
    await page.getByRole('heading', { name: 'Pipelines', exact: true }).waitFor();
    await page.waitForTimeout(500);
    expect(new URL(page.url()).search).toBe('');
  });

  it('polls where there is no stream, and says so', async () => {
    const page = await site.visit('/errors');
    await page.context().route('**/stream', (route) => route.fulfill({ status: 503 }));
    await page.reload();
    await page.getByRole('button', { name: 'Every 30 s' }).waitFor();
  });
});
