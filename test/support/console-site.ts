import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { createToken } from './api-client.js';
import { browserProgram } from './browser.js';
import { ConsoleBrowser, type VisitOptions } from './console-browser.js';
import { postgresServers } from './postgres.js';
import { type SidecarChoices, SyncedLake } from './synced-lake.js';
import type { TestServer } from './test-server.js';

/** Somebody who calls: a role, and a token for it. */
export interface Person {
  readonly role: string;
  readonly token: string;
}

interface SiteOptions {
  readonly sidecar?: SidecarChoices | ((synced: SyncedLake) => Promise<SidecarChoices>);
  /** Whether nobody has a token yet: then everybody on this machine may do everything. */
  readonly isOpen?: boolean;
}

/** Tests of pages, on the newest server; left out where there is no browser. */
export function describePages(title: string, tests: (server: TestServer) => void): void {
  if (browserProgram === null) {
    console.info(`The tests of ${title} are skipped: there is no Chromium. See test/support/install-chromium.sh.`);
  }
  describe.skipIf(browserProgram === null).each(postgresServers().slice(-1))(`${title}, on $name`, tests);
}

/**
 * A lake, a sidecar and a browser on its console, which the tests of a `describe` share. Each test has windows of its own, and
 * fails if one of them did what no page may do.
 * @param prepare makes tables and roles, with the sidecar running
 */
export function useConsoleSite(
  server: TestServer,
  options: SiteOptions = {},
  prepare: (site: ConsoleSite) => Promise<void> = async () => {},
): ConsoleSite {
  const site = new ConsoleSite();
  beforeAll(async () => {
    await site.open(server, options);
    await prepare(site);
  });
  afterEach(async () => {
    await site.browser.closeWindows();
    site.browser.expectNoOffences();
  });
  afterAll(() => site[Symbol.asyncDispose]());
  return site;
}

export class ConsoleSite implements AsyncDisposable {
  #opened: { synced: SyncedLake; browser: ConsoleBrowser; url: string; database: string } | null = null;
  #keeper: Person | null = null;

  get #site() {
    if (this.#opened === null) throw new Error('the console is opened before the first test');
    return this.#opened;
  }

  get synced(): SyncedLake {
    return this.#site.synced;
  }

  get browser(): ConsoleBrowser {
    return this.#site.browser;
  }

  /** Address of the sidecar. */
  get url(): string {
    return this.#site.url;
  }

  /** Name of the database, with which names of tables begin. */
  get database(): string {
    return this.#site.database;
  }

  /** Somebody who may do everything. */
  get keeper(): Person {
    if (this.#keeper === null) throw new Error('nobody has a token here');
    return this.#keeper;
  }

  async open(server: TestServer, { sidecar = {}, isOpen = false }: SiteOptions): Promise<void> {
    const synced = await SyncedLake.create(server);
    const choices = typeof sidecar === 'function' ? await sidecar(synced) : sidecar;
    const [{ url }, browser] = await Promise.all([synced.startSidecar(choices), ConsoleBrowser.launch()]);
    const database = (await synced.value('select current_database()')) ?? '';
    this.#opened = { synced, browser, url, database };
    if (!isOpen) this.#keeper = await this.person('keeper', 'databricks_superuser');
  }

  /** Makes a role of a name of its own, a member of `memberOf`, with a token. */
  async person(name: string, ...memberOf: string[]): Promise<Person> {
    const role = await this.synced.database.createRole(name, ...memberOf);
    return { role, token: await createToken(this.synced, role) };
  }

  /** Opens a place of the console; as the keeper, if there is one, unless a token or another tab is given. */
  visit(place: string, options: VisitOptions & { readonly as?: Person | null } = {}): Promise<Page> {
    const { as = this.#keeper, ...rest } = options;
    const signedIn = as === null || options.beside !== undefined ? {} : { token: as.token };
    return this.browser.visit(this.url, place, { ...signedIn, ...rest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    if (opened === null) return;
    await opened.browser[Symbol.asyncDispose]();
    await opened.synced[Symbol.asyncDispose]();
  }
}
