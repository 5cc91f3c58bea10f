import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { createToken } from '../support/api-client.js';
import { describePages, type Person, useConsoleSite } from '../support/console-site.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: whatever stands in names and values, on every screen it is text and nothing else, and what is copied says the same.

const run = promisify(execFile);

const HTML = '<img src=x onerror=alert(1)>';
const QUOTES = `it's "quoted" \\ $x \`y\``;
const RIGHT_TO_LEFT = 'שלום \u202egnirts 🙂';
const LONG = 'é'.repeat(31);
/** The longest name that Postgres keeps. */
const LONG_TABLE = `t${'_very_long'.repeat(6)}_x`;

describePages('hostile names and values', (server) => {
  const role = `${HTML} ${Math.random().toString(36).slice(2)} it's "me" 🙂`;
  let hostile: Person;
  const site = useConsoleSite(server, {}, async ({ synced }) => {
    expect(Buffer.byteLength(LONG_TABLE)).toBe(63);
    expect(Buffer.byteLength(role)).toBeLessThan(64);
    const columns = { [QUOTES]: 'string', [HTML]: 'string', [RIGHT_TO_LEFT]: 'string', [LONG]: 'long' };
    const names = Object.keys(columns).map(quoteIdentifier);
    const rows = `select v as ${names[0]}, v as ${names[1]}, v as ${names[2]}, n as ${names[3]}
                    from (values (${quoteLiteral(HTML)}, 1), (${quoteLiteral(QUOTES)}, 2), (${quoteLiteral(RIGHT_TO_LEFT)}, 3)) t(v, n)`;
    const target = `gold.${LONG_TABLE}`;
    const source = await synced.lake.createTable(target, columns, rows);
    await synced.load(target, { key: [QUOTES], policy: 'TRIGGERED' });
    const quoted = quoteIdentifier(role);
    await synced.admin.query(`create role ${quoted} login password 'hostile' in role databricks_superuser`);
    hostile = { role, token: await createToken(synced, role) };
    await synced.admin.query(
      `grant usage on schema gold to ${quoted}; grant select on ${target} to ${quoted};
       create index ${quoteIdentifier(HTML)} on ${target} (${names[1]});
       create schema ${quoteIdentifier(HTML)};
       create view ${quoteIdentifier(HTML)}.${quoteIdentifier(RIGHT_TO_LEFT)} as select ${names[1]} from ${target};
       select databricks_synced_table_add_manager(${quoteLiteral(target)}, ${quoteLiteral(role)});
       update synced_tables._tokens set description = ${quoteLiteral(HTML)} where role_name = ${quoteLiteral(role)}`,
    );
    // Asked for by that role, and failed on a row whose key is hostile too.
    await source.append(rows);
    const session = await synced.database.connect();
    await session.query(`set session authorization ${quoted}`);
    await refusalOf(synced.wait(await synced.requestSync(target, false, session)));
    await session.end();
  });
  // It belongs to the whole server, and its name is none that a pattern finds.
  afterAll(async () => {
    await site.synced.admin.query(`drop schema ${quoteIdentifier(HTML)} cascade;
      drop owned by ${quoteIdentifier(role)}; drop role ${quoteIdentifier(role)}`);
  });

  const table = () => `/tables/${site.database}.gold.${LONG_TABLE}`;

  /** Fails if anything on the page is not the text that it was meant to be. */
  async function expectTexts(page: Page, texts: readonly string[]): Promise<void> {
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const text of texts) await page.getByText(text).first().waitFor();
    expect(await page.locator('img, script:not([src]), iframe, object, [onerror]').count()).toBe(0);
  }

  it('are texts on every screen', async () => {
    const update = await site.synced.value(`select update_id from synced_tables.updates where state = 'FAILED'`);
    const pipeline = await site.synced.value('select pipeline_id from synced_tables._pipelines');
    const person = { as: hostile };
    const page = await site.visit('/tables', person);
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const screens: readonly (readonly [string, readonly string[]])[] = [
      ['/tables', [LONG_TABLE, role]],
      [`/tables?q=${encodeURIComponent(HTML)}`, ['does not match']],
      [table(), [LONG_TABLE, HTML, QUOTES]],
      [`${table()}/updates`, [role]],
      [`${table()}/updates/${update}`, [role, HTML, QUOTES]],
      [`${table()}/events`, [LONG_TABLE]],
      [`${table()}/objects`, [HTML, RIGHT_TO_LEFT, role]],
      [`${table()}/verify`, ['not been verified']],
      [`${table()}/code`, [role]],
      [`${table()}/settings`, [QUOTES]],
      [`/tables/${site.database}.gold.${encodeURIComponent(HTML)}`, [HTML]],
      ['/pipelines', [LONG_TABLE]],
      [`/pipelines/${pipeline}`, [LONG_TABLE]],
      [`/pipelines/${pipeline}/updates`, [LONG_TABLE]],
      [`/events?q=${encodeURIComponent(HTML)}`, ['No events']],
      ['/events', [LONG_TABLE]],
      [`/databases/local/${site.database}`, [role]],
      ['/tokens', [role, HTML]],
      [`/errors/${encodeURIComponent(HTML)}`, [HTML]],
      [`/errors?q=${encodeURIComponent(HTML)}`, []],
      [`/catalog/lake/gold/${LONG_TABLE}`, [HTML, QUOTES, RIGHT_TO_LEFT, LONG]],
      [`/catalog/${encodeURIComponent(HTML)}`, [HTML]],
      [`/sign-in?next=${encodeURIComponent(`//${HTML}`)}`, ['Sign in']],
      [`/${encodeURIComponent(HTML)}`, ['belongs to no screen']],
    ];
    for (const [place, texts] of screens) {
      await page.goto(`${site.url}/console${place}`);
      await expectTexts(page, texts).catch((error) => {
        throw new Error(`${place}: ${error}`);
      });
    }
    expect(dialogs).toEqual([]);
    await page.goto(`${site.url}/console${table()}`);
    await page.getByText('Keys of rows concerned:').waitFor();
    await site.browser.check(page, 'hostile-table');
    await page.goto(`${site.url}/console${table()}/objects`);
    await page.getByRole('heading', { name: 'Managers' }).waitFor();
    await site.browser.check(page, 'hostile-objects');
    // What is searched for is text too.
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Search/ }).fill(HTML);
    await expectTexts(page, []);
  });

  it('are texts in rows, which are found by their keys', async () => {
    const page = await site.visit(`${table()}/rows`, { as: hostile });
    await page.getByRole('button', { name: 'Show rows' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(4);
    const headers = await page.getByRole('columnheader').allTextContents();
    for (const name of [HTML, QUOTES, RIGHT_TO_LEFT, LONG]) {
      expect(headers).toContainEqual(expect.stringContaining(name));
    }
    await page.getByLabel(QUOTES, { exact: true }).fill(HTML);
    await page.getByRole('button', { name: 'Find' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await expectTexts(page, [HTML]);
    await site.browser.check(page, 'hostile-rows');
  });

  it('say the same where they are copied: psql, Node and SQL run as they stand', async () => {
    const page = await site.visit(`${table()}/code`, { as: hostile });
    const copied = async (name: string) => {
      const region = page.getByRole('region', { name, exact: true });
      await expect.poll(() => region.locator('pre').textContent(), { timeout: 20_000 }).not.toMatch(/HOST|ROLE/);
      await region.getByRole('button', { name: /^Copy/ }).click();
      return site.browser.copied(page);
    };
    const env = { ...process.env, PGPASSWORD: 'hostile', NODE_NO_WARNINGS: '1' };
    const cwd = path.resolve(import.meta.dirname, '../..');
    const psql = await run('bash', ['-c', `${await copied('Connect')} --csv --no-psqlrc`], { env });
    expect(psql.stdout).toContain(HTML);
    expect(psql.stdout).toContain(RIGHT_TO_LEFT);
    const node = await run(process.execPath, ['--input-type=module', '-e', await copied('Node')], { env, cwd });
    expect(node.stdout).toContain(HTML);
    expect((await site.synced.admin.query(await copied('Read rows'))).rowCount).toBe(3);
    const create = await copied('Create the same table again');
    await site.synced.admin.query(create.replaceAll(LONG_TABLE, 'again'));
    expect(
      await site.synced.value(`select primary_key_columns::text from synced_tables._tables where table_name = 'again'`),
    ).toBe(await site.synced.value('select array[$1]::text', [QUOTES]));
  });
});
