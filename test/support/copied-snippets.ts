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

/**
 * Snippets of a page, by what they are about; all that is folded is opened.
 * @param only those about one of these; all of them unless it is given
 */
export async function copyAll(page: Page, only?: readonly string[]): Promise<Map<string, Copied>> {
  const isWanted = (what: string) => only === undefined || only.includes(what);
  const found = new Map<string, Copied>();
  const boxes = page.locator('section.copy-as');
  for (let nth = 0; nth < (await boxes.count()); nth += 1) {
    const box = boxes.nth(nth);
    // Each time: what came since is folded.
    await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);
    const choice = box.locator('xpath=ancestor::details[contains(@class, "page-elsewhere")][1]//select');
    const acts = (await choice.count()) === 0 ? [null] : await choice.locator('option').allTextContents();
    for (const act of acts) {
      if (act !== null && !isWanted(act)) continue;
      if (act !== null) await choice.selectOption(act);
      const what = ((await box.getAttribute('aria-label')) ?? '').replace(/ elsewhere$/, '');
      if (isWanted(what)) found.set(what, await copyForms(page, box));
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

const AWAIT_COPIED = `new Promise((resolve, reject) => {
  const begun = performance.now();
  const look = () => {
    const { copied } = document.documentElement.dataset;
    if (copied !== undefined) resolve(copied);
    else if (performance.now() - begun > 5_000) reject(new Error('nothing was copied'));
    else setTimeout(look, 10);
  };
  look();
})`;

/** Presses a button that copies. */
export async function copyBy(page: Page, button: Locator): Promise<string> {
  await page.evaluate('delete document.documentElement.dataset.copied');
  await button.click();
  return page.evaluate(AWAIT_COPIED);
}
