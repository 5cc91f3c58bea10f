// @ts-check
// npm run screenshots [-- --only EXPRESSION] [--look EXPRESSION, such as 1280-light or '400|dark'] [--readme]
//
// Pictures of the console in every state, light and dark, wide and narrow, in coverage/screenshots: to be looked at by
// people. States are written into the registry, everything else is as it is: Postgres, sidecar, page. --readme makes the
// one picture of the README instead.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { chromium } from 'playwright-core';
import { startEmbeddedPostgres } from '../../dist/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../dist/postgres/install/migrate.js';
import { endSidecar, spawnSidecar } from '../bench/bench-sidecar.mjs';
import { pages } from './pictures/pages.mjs';
import { fillStates } from './pictures/table-states.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    look: { type: 'string', default: '' },
    readme: { type: 'boolean', default: false },
  },
});
/** Of the picture of the README. */
const IN_README = new Set([
  'orders',
  'prices',
  'shipments',
  'events',
  'clicks',
  'campaigns',
  'invoices',
  'incidents',
  'customers',
]);
const root = path.resolve(import.meta.dirname, '../..');
const output = path.join(root, 'coverage/screenshots');
const folder = mkdtempSync(path.join(tmpdir(), 'synced-tables-pictures-'));
chmodSync(folder, 0o755);
cpSync(path.join(root, 'examples/lake/gold'), path.join(folder, 'lake/shop'), { recursive: true });
mkdirSync(output, { recursive: true });
const postgres = await startEmbeddedPostgres({ major: 18, dataDir: path.join(folder, 'postgres'), settings: {} });
const client = new pg.Client({ connectionString: postgres.url });
await client.connect();
await migrateDatabase(client);
const sidecar = spawnSidecar({ folder, url: postgres.url, more: '', stderr: 'pipe' });
const browser = await chromium.launch({
  // The one without windows of its own takes half of the processor time.
  executablePath:
    process.env.CHROMIUM ?? ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((file) => existsSync(file)),
  args: ['--no-sandbox'],
});

/** @returns {Promise<string>} */
async function started() {
  if (sidecar.stderr === null) throw new Error('the sidecar says nothing');
  for await (const line of createInterface({ input: sidecar.stderr })) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'sidecar started') return url;
  }
  throw new Error('the sidecar did not start');
}

/**
 * A token of a new role.
 * @param {string} role
 * @param {string} grants what it may do
 */
async function makeToken(role, grants) {
  const token = `stt_${randomBytes(32).toString('base64url')}`;
  await client.query(`create role "${role}"; ${grants}`);
  const hash = createHash('sha256').update(token).digest();
  await client.query('select synced_tables.create_token($1, $2)', [role, hash]);
  return token;
}

/** Of somebody who may do everything. */
const makeKeeperToken = () => makeToken('ada@example.com', 'grant databricks_superuser to "ada@example.com"');

/** Of somebody who may read two tables. */
const makeReaderToken = () =>
  makeToken(
    'grace@example.com',
    'grant usage on schema gold to "grace@example.com"; grant select on gold.orders, gold.customers to "grace@example.com"',
  );

const axeSource = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');

/**
 * Says what axe finds, which makes the run fail.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 * @param {boolean} isDark then contrasts alone: shape and order are those of the light theme
 */
async function examine(page, name, isDark) {
  await page.evaluate(axeSource);
  const run = isDark ? `axe.run({ runOnly: ['color-contrast'] })` : 'axe.run()';
  const { violations } = /** @type {import('axe-core').AxeResults} */ (await page.evaluate(run));
  for (const { id, nodes } of violations) {
    process.exitCode = 1;
    for (const { html, failureSummary } of nodes)
      console.log(`${name}: ${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`);
  }
}

/**
 * Until everything that a page asks for is there. The network is never idle, for the page hears of changes.
 * @param {import('playwright-core').Page} page
 */
async function settled(page) {
  await page.waitForTimeout(250);
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
}

/**
 * @param {string} url
 * @param {import('./pictures/pages.mjs').Picture} picture
 * @param {{ width: number, theme: 'light' | 'dark' }} look
 * @param {string} file
 * @param {string} [token] of who looks
 */
async function take(url, picture, { width, theme }, file, token = '') {
  const height = values.readme ? 640 : 800;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
  if (token !== '') await page.context().addCookies([{ name: 'synced-tables', value: token, url }]);
  await page.goto(`${url}/console${picture.path}`);
  await page.locator('h1').waitFor();
  await settled(page);
  await picture.before?.(page);
  await settled(page);
  await page.waitForTimeout(300);
  const sideways = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  if (sideways > 0) console.log(`${path.basename(file)}: ${sideways} px too wide`);
  if (!values.readme) {
    await examine(page, path.basename(file), theme === 'dark');
    // As high as the page: what stays at the lower edge of a window would lie in the middle of the picture otherwise.
    const high = Number(await page.evaluate('document.documentElement.scrollHeight'));
    await page.setViewportSize({ width, height: Math.max(height, high) });
    await page.waitForTimeout(100);
  }
  await page.screenshot({ path: file });
  await page.close();
}

try {
  const url = await started();
  let isFilled = false;
  let readerToken = '';
  for (const picture of pages.filter(
    ({ name }) => new RegExp(values.only).test(name) && (!values.readme || name === 'tables'),
  )) {
    if (!picture.isEmpty && !isFilled) {
      await fillStates(client, (name) => !values.readme || IN_README.has(name));
      isFilled = true;
    }
    const looks = /** @type {const} */ ([
      { width: 1280, theme: 'light' },
      { width: 1280, theme: 'dark' },
      { width: 400, theme: 'light' },
      { width: 400, theme: 'dark' },
    ]);
    if (values.readme) {
      await take(url, picture, looks[0], path.join(root, 'docs/console.png'), await makeKeeperToken());
      break;
    }
    if (picture.isOfReader) readerToken ||= await makeReaderToken();
    if (picture.state) await client.query(picture.state.begin);
    for (const look of looks.filter(({ width, theme }) => new RegExp(values.look).test(`${width}-${theme}`))) {
      await take(url, picture, look, path.join(output, `${picture.name}-${look.width}-${look.theme}.png`), readerToken);
    }
    if (picture.state) await client.query(picture.state.end);
  }
} finally {
  await browser.close();
  await endSidecar(sidecar);
  await client.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
