import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFindings, takePicture } from './browser.js';

const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1280, 400] as const;

/** Looks at a state of a page in both themes and widths: nothing for axe to find, nothing that scrolls sideways. */
export async function expectWellDrawn(page: Page, name: string): Promise<void> {
  const found: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await takePicture(page, `${name}-${colorScheme}-${width}`);
      // Shape and order do not depend on the theme, colours do.
      const findings = await axeFindings(page);
      found.push(...findings.map((finding) => `${colorScheme}, ${width} px: ${finding}`));
    }
    const tooWide = Number(
      // A text, since these files know nothing of browsers.
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    );
    if (tooWide > 0) found.push(`${width} px: ${tooWide} px too wide`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  expect({ name, found }).toEqual({ name, found: [] });
}
