import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';

// Goal: the console works below any path of a proxy, with the keyboard alone, and in several tabs with one stream.

/** A proxy that takes a prefix from the path, as people put before a sidecar. */
async function startProxy(
  prefix: string,
): Promise<AsyncDisposable & { url: string; target: string; streams: () => number }> {
  const started = { url: '', target: '', open: 0 };
  const proxy = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').slice(prefix.length);
    const isStream = path.endsWith('/stream');
    if (isStream) started.open += 1;
    const options = { method: incoming.method, headers: { ...incoming.headers, host: new URL(started.target).host } };
    const passed = request(`${started.target}${path}`, options, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      if (isStream) started.open -= 1;
      passed.destroy();
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  started.url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`;
  return Object.assign(started, {
    streams: () => started.open,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  });
}

describePages('the console wherever it is', (server) => {
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    await synced.lake.createTable('gold.a', { id: 'long' }, 'select 1 as id');
    await synced.lake.createTable('gold.b', { id: 'long' }, 'select 1 as id');
    await Promise.all([synced.load('gold.a'), synced.load('gold.b')]);
  });

  it('works below the path of a proxy, signs in there, and holds one stream for all tabs', async () => {
    const { synced, browser } = site;
    await using proxy = await startProxy('/data/synced');
    const sidecar = await synced.startSidecar({ publicUrl: proxy.url });
    proxy.target = sidecar.url;
    const page = await browser.visit(proxy.url, '/tables');
    await page.getByRole('textbox', { name: 'Token' }).fill(site.keeper.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: /gold\.a$/ }).click();
    await page.getByRole('heading', { name: /gold\.a$/ }).waitFor();
    expect(page.url()).toContain('/data/synced/console/tables/');
    await page.reload();
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText(/is queued/).waitFor();
    const tabs = await Promise.all([1, 2, 3].map(() => browser.visit(proxy.url, '/tables', { beside: page })));
    for (const tab of tabs) await tab.getByRole('button', { name: 'Live', exact: true }).waitFor();
    expect(proxy.streams()).toBe(1);
    // The tab with the stream is closed: another one takes over.
    await page.close();
    await expect.poll(() => proxy.streams(), { timeout: 30_000 }).toBe(1);
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

  it('polls where there is no stream, and says so', async () => {
    const page = await site.visit('/errors');
    await page.context().route('**/stream', (route) => route.fulfill({ status: 503 }));
    await page.reload();
    await page.getByRole('button', { name: 'Every 30 s' }).waitFor();
  });
});
