import { describe, expect, it } from 'vitest';
import { browserProgram, launchBrowser, openPage } from '../support/browser.js';
import { expectWellDrawn } from '../support/console-pictures.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: the first token is made in a browser that needs none yet, which is then signed in with it, and nobody else is.

const [server] = postgresServers().slice(-1);

describe.skipIf(browserProgram === null || server === undefined)('the first token', () => {
  it('ends open access for all but the browser that made it', async () => {
    if (server === undefined) return;
    await using synced = await SyncedLake.create(server);
    const role = await synced.database.createRole('app', 'databricks_superuser');
    const { url } = await synced.startSidecar({ url: synced.database.url });
    const browser = await launchBrowser();
    try {
      const { page } = await openPage(browser, `${url}/console/tokens`);
      await page.getByRole('heading', { name: 'No token exists' }).waitFor();
      await page.getByRole('button', { name: 'Create token' }).click();
      await page.getByText(/This is the first token/).waitFor();
      await page.getByLabel('Role', { exact: true }).fill(role);
      await page.getByLabel('Expires').selectOption('never');
      await page.getByText(/A token that never expires/).waitFor();
      await expectWellDrawn(page, 'token-first');
      await page.locator('form').getByRole('button', { name: 'Create token' }).click();
      const token = await page.getByLabel('Token', { exact: true }).inputValue();
      await page.getByRole('row', { name: new RegExp(role) }).waitFor();
      await page.getByRole('button', { name: 'I have it' }).click();
      await page.reload();
      await page.getByRole('row', { name: new RegExp(role) }).waitFor();
      // Only the cookie has it, which no script can read.
      expect(await page.evaluate('document.cookie + JSON.stringify(localStorage) + location.href')).not.toContain(
        token,
      );

      const { page: other } = await openPage(browser, `${url}/console/tokens`);
      await other.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
      await other.getByLabel('Token', { exact: true }).fill(token);
      await other.getByRole('button', { name: 'Sign in' }).click();
      const row = other.getByRole('row', { name: new RegExp(role) });
      await row.getByRole('button', { name: 'Revoke' }).click();
      await other.getByRole('button', { name: 'Revoke it' }).click();
      // It was the one that both are signed in with.
      await other.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
      await page.getByRole('link', { name: 'Pipelines' }).click();
      await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
    } finally {
      await browser.close();
    }
  });
});
