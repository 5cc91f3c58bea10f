import { expect, it } from 'vitest';
import { describePages, useConsoleSite } from '../support/console-site.js';

// Goal: the first token is made in a browser that needs none yet, which is then signed in with it, and nobody else is.

describePages('the first token', (server) => {
  const sidecar = async ({ database }: { database: { url: string } }) => ({ url: database.url });
  const site = useConsoleSite(server, { sidecar, isOpen: true });

  it('ends open access for all but the browser that made it', async () => {
    const role = await site.synced.database.createRole('app', 'databricks_superuser');
    const page = await site.visit('/tokens');
    await page.getByRole('heading', { name: 'No token exists' }).waitFor();
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText(/This is the first token/).waitFor();
    await page.getByLabel('Role', { exact: true }).fill(role);
    await page.getByLabel('Expires').selectOption('never');
    await page.getByText(/A token that never expires/).waitFor();
    await site.browser.check(page, 'token-first');
    await page.locator('form').getByRole('button', { name: 'Create token' }).click();
    const token = await page.getByLabel('Token', { exact: true }).inputValue();
    await page.getByRole('row', { name: new RegExp(role) }).waitFor();
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.reload();
    await page.getByRole('row', { name: new RegExp(role) }).waitFor();
    // Only the cookie has it, which no script can read.
    expect(await page.evaluate('document.cookie + JSON.stringify(localStorage) + location.href')).not.toContain(token);

    const other = await site.visit('/tokens');
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
  });
});
