// @ts-check
import { picturedTables } from './table-states.mjs';

/**
 * One picture: a place of the console, and what is done there before it is taken.
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} path
 * @property {(page: import('playwright-core').Page) => Promise<unknown>} [before]
 * @property {boolean} [isEmpty] whether it is of a database without tables; those come first
 * @property {boolean} [isOfReader] whether a role looks that may only read some tables; those come last, since its token ends
 * open access
 * @property {{ begin: string, end: string }} [state] SQL that makes the state, and SQL that ends it
 */

const FAILED = '/tables/postgres.gold.orders';
const WAIT_MS_MAX = 60_000;

/** @type {readonly Picture[]} */
export const pages = [
  { name: 'tables-empty', path: '/tables', isEmpty: true },
  { name: 'sign-in', path: '/sign-in?next=/tables/a.b.c', isEmpty: true },
  { name: 'nothing-here', path: '/nowhere', isEmpty: true },
  { name: 'tables', path: '/tables' },
  { name: 'tables-no-match', path: '/tables?q=nothing+like+this' },
  { name: 'tables-group', path: '/tables?group=fail' },
  {
    name: 'tables-selected',
    path: '/tables',
    before: async (page) => {
      await page.getByRole('checkbox').nth(1).check();
      await page.getByRole('checkbox').nth(2).check();
    },
  },
  {
    name: 'tables-as-sql',
    path: '/tables?group=ok',
    before: (page) => page.getByText('As SQL, CLI, curl …').last().click(),
  },
  {
    name: 'tables-no-answer',
    path: '/tables',
    before: async (page) => {
      await page.route('**/api/**', (route) => route.abort());
      await page
        .getByRole('columnheader')
        .getByRole('button', { name: 'Rows' })
        .click({ timeout: 1_000 })
        .catch(() => page.getByRole('button', { name: /Failed/ }).click());
    },
  },
  ...picturedTables.map(({ name }) => ({ name: `table-${name}`, path: `/tables/postgres.gold.${name}` })),
  ...['updates', 'events', 'rows', 'objects', 'verify', 'code', 'settings'].map((tab) => ({
    name: `tab-${tab}`,
    path: `/tables/postgres.gold.customers/${tab}`,
  })),
  { name: 'catalog', path: '/catalog' },
  {
    name: 'catalog-feed-off',
    path: '/catalog/lake/shop/orders',
    before: (page) => untilShown(page, 'Change data feed'),
  },
  { name: 'create', path: '/create' },
  { name: 'create-ready', path: '/create?source=lake.shop.user_profiles', before: untilCreatable },
  {
    name: 'create-feed-off',
    path: '/create?source=lake.shop.orders&policy=TRIGGERED&key=order_id',
    before: async (page) => {
      await page.getByRole('heading', { name: 'In the way' }).waitFor({ timeout: WAIT_MS_MAX });
      await page.getByText('Looking …').waitFor({ state: 'detached', timeout: WAIT_MS_MAX });
    },
  },
  {
    name: 'create-stops',
    path: '/create?source=lake.shop.product_events&key=product_id',
    before: (page) => untilShown(page, 'occur in several rows'),
  },
  { name: 'pipelines', path: '/pipelines' },
  { name: 'events', path: '/events' },
  { name: 'databases', path: '/databases' },
  { name: 'doctor', path: '/doctor' },
  {
    name: 'doctor-findings',
    path: '/doctor',
    state: {
      begin: 'alter event trigger databricks_auth_1_guard disable',
      end: 'alter event trigger databricks_auth_1_guard enable',
    },
    before: async (page) => {
      // The first look makes it run; it does not run again within a minute.
      const button = page.getByRole('button', { name: 'Examine now' });
      if (await button.isVisible()) await button.click();
      await page.getByRole('link', { name: 'GUARD_DAMAGED' }).waitFor({ timeout: WAIT_MS_MAX });
    },
  },
  { name: 'tokens', path: '/tokens' },
  { name: 'errors', path: '/errors' },
  { name: 'error', path: '/errors/PRIMARY_KEY_CONSTRAINT_VIOLATION' },
  { name: 'keys', path: '/tables', before: (page) => page.keyboard.press('?') },
  {
    name: 'search',
    path: '/tables',
    before: async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: /Search/ }).fill('gold.o');
    },
  },
  { name: 'table-missing', path: '/tables/postgres.gold.none' },
  { name: 'dialog-refresh', path: FAILED, before: (page) => choose(page, 'Full refresh') },
  { name: 'dialog-delete', path: FAILED, before: (page) => choose(page, 'Delete') },
  { name: 'dialog-pause', path: FAILED, before: (page) => page.getByRole('button', { name: 'Pause' }).click() },
  { name: 'dialog-cancel', path: FAILED, before: (page) => choose(page, 'Cancel updates') },
  {
    name: 'dialog-rename',
    path: FAILED,
    before: async (page) => {
      await choose(page, 'Rename');
      await page.getByLabel(/New name/).fill('gold.sales');
    },
  },
  { name: 'settings-change', path: '/tables/postgres.gold.customers/settings?change=1' },
  { name: 'preferences', path: '/preferences' },
  { name: 'token-new', path: '/tokens?new=1' },
  { name: 'menu', path: FAILED, before: (page) => page.getByRole('button', { name: 'More actions' }).click() },
  ...[
    ['tables', '/tables'],
    ['table', FAILED],
    ['create', '/create?source=lake.shop.user_profiles'],
    ['pipelines', '/pipelines'],
    ['databases', '/databases'],
    ['tokens', '/tokens'],
  ].map(([name = '', path = '']) => ({ name: `reader-${name}`, path, isOfReader: true })),
];

/**
 * @param {import('playwright-core').Page} page
 * @param {string} text
 */
async function untilShown(page, text) {
  await page.getByText(text).first().waitFor({ timeout: WAIT_MS_MAX });
}

/** @param {import('playwright-core').Page} page */
async function untilCreatable(page) {
  await page.locator('button[aria-disabled=false]', { hasText: /^Create$/ }).waitFor({ timeout: WAIT_MS_MAX });
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} item of the menu
 */
async function choose(page, item) {
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('button', { name: item }).click();
}
