import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFindings, browserProgram, launchBrowser } from '../support/browser.js';
import { ensureBuilt } from '../support/ensure-built.js';

if (browserProgram === null) {
  console.info('The tests of the console are skipped: there is no Chromium. See test/support/install-chromium.sh.');
}

export interface PageChoices {
  readonly width?: number;
  readonly theme?: 'light' | 'dark';
}

/** A browser of one person: what it keeps is its own. */
export class ConsoleBrowser implements AsyncDisposable {
  readonly context: BrowserContext;
  readonly #browser: Browser;
  /** What must not happen: requests to other hosts, breaches of the policy, errors of the page. */
  readonly #misdeeds: string[] = [];

  private constructor(browser: Browser, context: BrowserContext) {
    this.#browser = browser;
    this.context = context;
  }

  static async open({ width = 1280, theme = 'light' }: PageChoices = {}): Promise<ConsoleBrowser> {
    await ensureBuilt();
    const browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    const opened = new ConsoleBrowser(browser, context);
    await context.exposeFunction('reportMisdeed', (text: string) => void opened.#misdeeds.push(text));
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        (globalThis as unknown as { reportMisdeed: (text: string) => void }).reportMisdeed(
          `${violatedDirective}: ${blockedURI}`,
        );
      });
    });
    return opened;
  }

  /** Opens a page of a sidecar; `path` is that of the console. */
  async show(url: string, path: string): Promise<Page> {
    const page = await this.context.newPage();
    const { origin } = new URL(url);
    page.on('pageerror', (error) => this.#misdeeds.push(`${error}`));
    page.on('request', (request) => {
      const wanted = new URL(request.url());
      if (wanted.protocol !== 'data:' && wanted.protocol !== 'blob:' && wanted.origin !== origin)
        this.#misdeeds.push(request.url());
    });
    await page.goto(`${url}/console${path}`);
    return page;
  }

  /** Fails if any page did what none may do. */
  expectNoMisdeeds(): void {
    expect(this.#misdeeds).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    await this.#browser.close();
  }
}

/** Fails if axe finds anything; it runs beside the page's policy, which stays on. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await axeFindings(page)).toEqual([]);
}
