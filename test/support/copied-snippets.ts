import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

// What the pages of the console let people copy, taken by their own buttons.

/** Texts by form: SQL, CLI, curl, Python, YAML. */
export type Copied = Readonly<Record<string, string>>;

/** Lets a page tell what was copied last: its policy lets nobody read the clipboard. Before it is opened. */
export async function watchCopies(page: Page): Promise<void> {
  await page.addInitScript(`
    Object.defineProperty(navigator, 'clipboard', {
      value: { writeText: async (text) => { document.documentElement.dataset.copied = text; } },
    });`);
}

/** Every snippet of a page, by what it is about; all that is folded is opened. */
export async function copyAll(page: Page): Promise<Map<string, Copied>> {
  const found = new Map<string, Copied>();
  const boxes = page.locator('section.copy-as');
  for (let nth = 0; nth < (await boxes.count()); nth += 1) {
    const box = boxes.nth(nth);
    // Each time: what came since is folded.
    await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);
    const choice = box.locator('xpath=ancestor::details[contains(@class, "page-elsewhere")][1]//select');
    const acts = (await choice.count()) === 0 ? [null] : await choice.locator('option').allTextContents();
    for (const act of acts) {
      if (act !== null) await choice.selectOption(act);
      const what = ((await box.getAttribute('aria-label')) ?? '').replace(/ elsewhere$/, '');
      found.set(what, await copyForms(page, box));
    }
  }
  return found;
}

/** Every form of one snippet. */
export async function copyForms(page: Page, box: Locator): Promise<Copied> {
  const copied: Record<string, string> = {};
  const forms = box.locator('button[aria-pressed]');
  for (let nth = 0; nth < (await forms.count()); nth += 1) {
    const form = forms.nth(nth);
    await form.click();
    const text = await copyBy(page, box.getByRole('button', { name: /^Cop/ }));
    expect(text).toBe(await box.locator('pre').textContent());
    copied[(await form.textContent()) ?? ''] = text;
  }
  return copied;
}

/** Presses a button that copies. */
export async function copyBy(page: Page, button: Locator): Promise<string> {
  await page.evaluate('delete document.documentElement.dataset.copied');
  await button.click();
  const html = page.locator('html');
  await expect.poll(() => html.getAttribute('data-copied')).not.toBeNull();
  return (await html.getAttribute('data-copied')) ?? '';
}
