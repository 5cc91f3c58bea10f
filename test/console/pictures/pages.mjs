// @ts-check
import { picturedTables } from './table-states.mjs';

/**
 * One picture: a place of the console, and what is done there before it is taken.
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} path
 * @property {(page: import('playwright-core').Page) => Promise<unknown>} [before]
 * @property {boolean} [isEmpty] whether it is of a database without tables; those come first
 */

const FAILED = '/tables/postgres.gold.orders';

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
  { name: 'create', path: '/create' },
  { name: 'pipelines', path: '/pipelines' },
  { name: 'events', path: '/events' },
  { name: 'databases', path: '/databases' },
  { name: 'doctor', path: '/doctor' },
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
];

/**
 * @param {import('playwright-core').Page} page
 * @param {string} item of the menu
 */
async function choose(page, item) {
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('button', { name: item }).click();
}
