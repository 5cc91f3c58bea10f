import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** What a page did that no page of ours may do. */
export interface PageFaults {
  /** Uncaught errors, errors on its console, and requests that left the origin. */
  readonly found: string[];
}

/** Best without windows and menus of its own, which would take half of the processor time. */
const programs = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The browser on this machine; null if there is none: npm brings none, and tests of pages are left out then. */
export const browserProgram = findBrowser();

function findBrowser(): string | null {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of programs) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // the next one
      }
    }
  }
  return null;
}

const ARGUMENTS = [
  // Root has no sandbox, and small containers have little shared memory.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  // A page of a test lives for seconds: to optimize its code costs more than that saves. The four looks of axe take 1.28 s of
  // processor time instead of 1.45 s, of six pages four times.
  '--js-flags=--no-opt --no-maglev',
];

export async function launchBrowser(): Promise<Browser> {
  if (browserProgram === null) throw new Error(`none of ${programs.join(', ')} is in PATH`);
  return chromium.launch({ executablePath: browserProgram, args: ARGUMENTS });
}

/** Notes what a page does wrong: errors, breaches of its policy, and requests to anything but `origin`. */
export async function noteFaults(page: Page, origin: string, note: (fault: string) => void): Promise<void> {
  page.on('pageerror', (error) => note(`threw ${error.message}`));
  page.on('console', (message) => {
    const isFault = message.type() === 'error' || /Content Security Policy|Trusted Type/i.test(message.text());
    if (isFault) note(`said ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && asked !== origin) note(`asked for ${request.url()}`);
  });
  await page.exposeFunction('noteBreach', note);
  // A text, since not all who import this know of browsers.
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (breach) =>
    noteBreach('broke ' + breach.violatedDirective + ': ' + breach.blockedURI))`);
}

/** Opens a page in a context of its own, and notes what it does wrong. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; faults: PageFaults }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const found: string[] = [];
  await noteFaults(page, new URL(url).origin, (fault) => found.push(fault));
  await page.goto(url);
  return { page, faults: { found } };
}

/**
 * What axe finds wrong with a page as it is now.
 * @param rules all of them unless some are named
 */
export async function axeFindings(page: Page, rules: readonly string[] = []): Promise<string[]> {
  // Evaluated, not added as a script: so the page's policy stays on.
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axeSource);
  return page.evaluate(
    async (chosen) => {
      interface Findings {
        violations: { id: string; nodes: { html: string }[] }[];
      }
      const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<Findings> } };
      const { violations } = await axe.run({
        resultTypes: ['violations'],
        // Nothing is fetched again: only rules for sound, which no page has, and rules that are off would look at it.
        preload: false,
        ...(chosen.length === 0 ? {} : { runOnly: chosen }),
      });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
    },
    [...rules],
  );
}

/** Takes a picture for people to look at, if TEST_SCREENSHOTS names a folder for them. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = process.env.TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
