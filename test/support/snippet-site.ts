import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { createToken } from './api-client.js';
import { browserProgram } from './browser.js';
import { sharedBrowser } from './console-browser.js';
import { type Copied, copyAll, watchCopies } from './copied-snippets.js';
import { postgresServers } from './postgres.js';
import { hasPsql, hasSdk, SnippetRunner } from './snippet-runner.js';
import { eventually, SyncedLake } from './synced-lake.js';

/** Forms of snippets that can be run here. */
export const FORMS = ['SQL', 'CLI', 'curl', ...(hasSdk ? ['Python'] : [])] as const;

/** An effect that counts, such as updates. */
interface Counted {
  readonly count: number;
}

/**
 * Tests of what the console lets people copy; left out where there is no browser or no psql.
 * @param file name of the test file, for the note
 */
export function describeSnippets(title: string, file: string, tests: (site: SnippetSite) => void): void {
  const isPossible = browserProgram !== null && hasPsql;
  if (!isPossible) process.stderr.write(`${file} is skipped: there is no Chromium or no psql here\n`);
  if (isPossible && !hasSdk) {
    process.stderr.write(`${file} leaves Python out: SNIPPET_PYTHON names none that has databricks-sdk\n`);
  }
  describe.skipIf(!isPossible)(title, () => {
    const site = new SnippetSite();
    beforeAll(() => site.open());
    afterAll(() => site[Symbol.asyncDispose]());
    tests(site);
  });
}

/**
 * A page of the console, and a runner of what is copied from it. There are two synced tables of one pipeline, "S"."Orders" and
 * "S"."Lines", with capitals, which SQL needs quotes for.
 */
export class SnippetSite implements AsyncDisposable {
  #opened: {
    synced: SyncedLake;
    page: Page;
    url: string;
    database: string;
    runner: SnippetRunner;
    keeper: string;
    keeperToken: string;
  } | null = null;

  get #site() {
    if (this.#opened === null) throw new Error('the page is opened before the first test');
    return this.#opened;
  }

  get synced(): SyncedLake {
    return this.#site.synced;
  }

  get page(): Page {
    return this.#site.page;
  }

  /** Address of the sidecar. */
  get url(): string {
    return this.#site.url;
  }

  get database(): string {
    return this.#site.database;
  }

  get runner(): SnippetRunner {
    return this.#site.runner;
  }

  /** The role that looks at the page. */
  get keeper(): string {
    return this.#site.keeper;
  }

  get keeperToken(): string {
    return this.#site.keeperToken;
  }

  async open(): Promise<void> {
    const [server] = postgresServers().slice(-1);
    if (server === undefined) throw new Error('there is no server');
    const synced = await SyncedLake.create(server);
    const database = (await synced.value('select current_database()')) ?? '';
    for (const name of ['s.orders', 's.lines']) {
      const table = await synced.lake.createTable(
        name,
        { order_id: 'long', note: 'string' },
        `select i as order_id, 'it''s ' || i as note from range(20) t(i)`,
      );
      table.switchChangeFeedOn();
    }
    await synced.lake.createTable(
      's.events',
      { id: 'string', op: 'string', seq: 'long' },
      `select * from (values ('a', 'I', 1), ('b', 'I', 2)) t(id, op, seq)`,
    );
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(
      `alter role ${keeper} login password 'secret'; create schema "S"; create schema s; grant create, usage on schema "S", s to ${keeper}`,
    );
    await createOrders(synced);
    const catalogs = { lake: { kind: 'path', root: synced.lake.root } };
    const settings = JSON.stringify({ instances: { local: { url: synced.database.url } }, catalogs });
    const token = await createToken(synced, keeper);
    const runner = await SnippetRunner.create({ url: synced.database.url, settings, token });
    const browser = await sharedBrowser();
    const context = await browser.newContext({
      extraHTTPHeaders: { authorization: `Bearer ${token}` },
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    await watchCopies(page);
    this.#opened = { synced, page, url, database, runner, keeper, keeperToken: token };
  }

  /** What can be copied at a place, by what it is about. */
  async copiedAt(place: string, ready: string, only?: readonly string[]): Promise<Map<string, Copied>> {
    await this.page.goto(`${this.url}/console${place}`);
    await this.page.getByText(ready).first().waitFor({ state: 'attached' });
    return copyAll(this.page, only);
  }

  /** Where the page of "S"."Orders" is, or a tab of it. */
  tablePlace(rest = ''): string {
    return `/tables/${this.database}.S.Orders${rest}`;
  }

  /**
   * Runs each form of a snippet, each from the same beginning, and expects of each the same effect.
   * @returns the effect
   */
  async runForms(
    copied: Copied | undefined,
    effect: () => Promise<unknown>,
    reset: () => Promise<unknown> = async () => {},
    forms: readonly string[] = FORMS,
  ): Promise<unknown> {
    const wanted = forms.filter((form) => FORMS.includes(form as (typeof FORMS)[number]));
    const effects: unknown[] = [];
    for (const form of wanted) {
      await reset();
      const before = await effect();
      await this.runner.run(form, copied?.[form] ?? `no ${form} among ${Object.keys(copied ?? {})}`);
      await this.#idle();
      const after = await effect();
      expect(after, `${form} did nothing: ${copied?.[form]}`).not.toEqual(before);
      effects.push(after);
    }
    expect(effects).toEqual(wanted.map(() => effects[0]));
    return effects[0];
  }

  #idle(): Promise<void> {
    const open = `select count(*) from synced_tables._updates where state in ('QUEUED', 'RUNNING')`;
    return eventually(async () => (await this.synced.value(open)) === '0', 'no update is open');
  }

  async newestUpdate(): Promise<Counted> {
    const { rows } = await this.synced.admin.query(
      `select u.full_refresh, u.selection, u.state, count(*) over ()::int as count
         from synced_tables._updates u order by u.created_at desc limit 1`,
    );
    return rows[0];
  }

  async verifications(): Promise<Counted> {
    return { count: Number(await this.synced.value('select count(*) from synced_tables.verifications')) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    if (opened === null) return;
    opened.runner[Symbol.dispose]();
    await opened.page.context().close();
    await opened.synced[Symbol.asyncDispose]();
  }
}

/** Counts since the last reset, so that forms can be compared. */
export function sinceReset(effect: () => Promise<Counted>) {
  let first = 0;
  return {
    reset: async () => {
      first = (await effect())?.count ?? 0;
    },
    effect: async () => {
      const now = await effect();
      return { ...now, count: now.count - first };
    },
  };
}

async function createOrders(synced: SyncedLake): Promise<void> {
  const create = (name: string, source: string, pipeline: string | null) =>
    synced.value(
      `select synced_tables.create_synced_table($1, $2, array['order_id'], 'TRIGGERED', existing_pipeline_id => $3)`,
      [name, source, pipeline],
    );
  await synced.wait((await create('"S"."Orders"', 'lake.s.orders', null)) ?? '');
  const pipeline = await synced.value(
    `select pipeline_id from synced_tables.status where synced_table = '"S"."Orders"'`,
  );
  await synced.wait((await create('"S"."Lines"', 'lake.s.lines', pipeline)) ?? '');
}
