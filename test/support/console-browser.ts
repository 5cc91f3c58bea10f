/// <reference lib="dom" />
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFindings, launchBrowser, takePicture } from './browser.js';

interface VisitOptions {
  readonly token?: string;
}

/** A browser on the console of a sidecar. Nothing that it shows may reach for another server or break the policy. */
export class ConsoleBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  /** What pages did that they must not. */
  readonly #offences: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<ConsoleBrowser> {
    return new ConsoleBrowser(await launchBrowser());
  }

  /**
   * Opens a place of the console, as a window of its own.
   * @param server address of the sidecar
   * @param place such as `/catalog`
   */
  async visit(server: string, place: string, { token }: VisitOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
      permissions: ['clipboard-write'],
      ...(token === undefined ? {} : { extraHTTPHeaders: { authorization: `Bearer ${token}` } }),
    });
    this.#contexts.push(context);
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    // The policy of the console lets nobody read the clipboard.
    await page.addInitScript(() => {
      const write = navigator.clipboard.writeText.bind(navigator.clipboard);
      navigator.clipboard.writeText = (text) => {
        document.documentElement.dataset.copied = text;
        return write(text);
      };
    });
    const { origin } = new URL(server);
    page.on('request', (request) => {
      const { protocol, origin: asked } = new URL(request.url());
      if (protocol !== 'data:' && asked !== origin) this.#offences.push(`asked for ${request.url()}`);
    });
    page.on('pageerror', (error) => this.#offences.push(`threw ${error.message}`));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted Type/i.test(message.text())) this.#offences.push(message.text());
    });
    await page.goto(`${server}/console${place}`);
    return page;
  }

  /** What somebody has copied last. */
  async copied(page: Page): Promise<string> {
    return (await page.locator('html').getAttribute('data-copied')) ?? '';
  }

  /** Fails if a page has done what it must not, or has a fault for people who cannot see or use a mouse. */
  async check(page: Page, name: string): Promise<void> {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      expect(await axeFindings(page)).toEqual([]);
      for (const width of [1280, 400]) {
        await page.setViewportSize({ width, height: 900 });
        if (width === 400) await expectNoSidewaysScroll(page);
        await takePicture(page, `${name}-${scheme}-${width}`);
      }
      expect(await axeFindings(page)).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 900 });
    }
    expect(this.#offences).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()));
    await this.#browser.close();
  }
}

async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const surplus = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
  expect(surplus, 'pixels that the page is too wide').toBeLessThanOrEqual(0);
}
