/// <reference lib="dom" />
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFindings, launchBrowser, noteFaults, takePicture } from './browser.js';

export interface VisitOptions {
  /** Signs in with it; otherwise nobody is known. */
  readonly token?: string;
  /** Opens another tab of this browser, which is signed in or not as it is. */
  readonly beside?: Page;
  readonly width?: number;
  readonly theme?: 'light' | 'dark';
}

/** Of answers that tests ask for, such as refusals, the browser says so too; those that nobody asked for are told apart. */
const REFUSED = /^said Failed to load resource: /;
const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1280, 400] as const;

/** One program a process: it takes longer to start than many a test, and windows share nothing anyway. */
let shared: Promise<Browser> | null = null;

/** The browser of this process, which ends with it: whoever opens a window closes it. */
export function sharedBrowser(): Promise<Browser> {
  shared ??= launchBrowser();
  return shared;
}

/** A browser on the console of a sidecar. Nothing that it shows may reach for another server or break the policy. */
export class ConsoleBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #contexts = new Set<BrowserContext>();
  /** What pages did that they must not. */
  readonly #offences: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<ConsoleBrowser> {
    return new ConsoleBrowser(await sharedBrowser());
  }

  /**
   * Opens a place of the console in a window of its own, which keeps nothing of others.
   * @param server address of the sidecar
   * @param place such as `/catalog`
   */
  async visit(server: string, place: string, { token, beside, ...look }: VisitOptions = {}): Promise<Page> {
    const context = beside?.context() ?? (await this.#open(look));
    // As signing in does it, so that requests are checked as those of people.
    if (token !== undefined) await context.addCookies([sessionCookie(server, token)]);
    const page = await context.newPage();
    await noteFaults(page, new URL(server).origin, (fault) => {
      if (!REFUSED.test(fault)) this.#offences.push(fault);
    });
    page.on('response', async (response) => {
      if (response.status() !== 500) return;
      // The window may be closed meanwhile.
      const text = await response.text().catch(() => '');
      if (text.includes('API_DEFECT')) this.#offences.push(`broke ${response.url()}: ${text}`);
    });
    // The policy of the console lets nobody read the clipboard.
    await page.addInitScript(() => {
      const write = navigator.clipboard?.writeText.bind(navigator.clipboard);
      if (write === undefined) return;
      navigator.clipboard.writeText = (text) => {
        document.documentElement.dataset.copied = text;
        return write(text);
      };
    });
    await page.goto(`${server}/console${place}`);
    return page;
  }

  async #open({ width = 1280, theme = 'light' }: VisitOptions): Promise<BrowserContext> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: theme,
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
      permissions: ['clipboard-write'],
      // Of the proxies of tests.
      ignoreHTTPSErrors: true,
    });
    this.#contexts.add(context);
    context.setDefaultTimeout(20_000);
    return context;
  }

  /** What somebody has copied last. */
  async copied(page: Page): Promise<string> {
    return (await page.locator('html').getAttribute('data-copied')) ?? '';
  }

  /**
   * Looks at a state of a page in both themes and widths: nothing for axe to find, nothing that scrolls sideways, and nothing
   * done that must not be.
   */
  async check(page: Page, name: string): Promise<void> {
    const found: string[] = [];
    const before = page.viewportSize();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        await takePicture(page, `${name}-${colorScheme}-${width}`);
        // Shape and order do not depend on the theme, colours do.
        const findings = await axeFindings(page, colorScheme === 'light' ? [] : ['color-contrast']);
        found.push(...findings.map((finding) => `${colorScheme}, ${width} px: ${finding}`));
      }
      const surplus = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      });
      if (surplus > 0) found.push(`${width} px: ${surplus} px too wide`);
    }
    if (before) await page.setViewportSize(before);
    await page.emulateMedia({ colorScheme: 'light' });
    expect({ name, found }).toEqual({ name, found: [] });
    this.expectNoOffences();
  }

  /** Fails if a page did what none may do. */
  expectNoOffences(): void {
    expect(this.#offences.splice(0)).toEqual([]);
  }

  /** Ends the windows of a test. */
  async closeWindows(): Promise<void> {
    const open = [...this.#contexts];
    this.#contexts.clear();
    await Promise.all(open.map((context) => context.close()));
  }

  /** Ends its windows; the program stays for the next file of this process, and ends with the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeWindows();
  }
}

function sessionCookie(server: string, value: string) {
  const isSecure = server.startsWith('https:');
  const name = isSecure ? '__Host-synced-tables' : 'synced-tables';
  const url = `${new URL(server).origin}/`;
  return { name, value, url, httpOnly: true, secure: isSecure, sameSite: 'Strict' as const };
}
