import { setTimeout as sleep } from 'node:timers/promises';
import type { Browsed, BrowsePage, SourceBrowser } from '../../core/source-browser.js';
import { parseSourceName } from '../../core/source-name.js';
import { nearestName, sameButForCase } from '../../core/spelling.js';
import type { ApiContext } from '../places/api-context.js';

const PAGE_SIZE = 1_000;
/** Of longer lists, the first so many pages are looked at; pages may be empty. */
const PAGES_MAX = 10;
/** Nobody waits longer to be told what they meant. */
const LOOK_MS_MAX = 3_000;

const UNKNOWN: SourceSpelling = { same: undefined, nearest: undefined };

/** What a name of a source stands for that is not there as it is written. */
export interface SourceSpelling {
  /** The one source whose name is the same but for its case; undefined if none is, or several are. */
  readonly same: string | undefined;
  /** The source that was most likely meant; undefined if none is near. */
  readonly nearest: string | undefined;
}

/**
 * Looks for a source whose name was written in another case, or mistyped, with the sidecar's credentials. What takes too
 * long is not found.
 * @throws SOURCE_NAME_INVALID, and what source catalogs throw
 */
export async function spellSource(context: ApiContext, fullName: string): Promise<SourceSpelling> {
  const name = parseSourceName(fullName);
  const catalogs = Object.keys(context.settings.catalogs);
  const same = sameButForCase(name.catalog, catalogs);
  const catalog = same ?? nearestName(name.catalog, catalogs);
  const browser = catalog === undefined ? null : context.sources.browser(catalog);
  if (catalog === undefined || browser === null) return UNKNOWN;
  const look = new AbortController();
  const late = sleep(LOOK_MS_MAX, UNKNOWN, { signal: look.signal }).catch(() => UNKNOWN);
  const looked = spellTable(browser, name, look.signal);
  // Nobody waits for it once it is late.
  looked.catch(() => {});
  const found = await Promise.race([looked, late]).finally(() => look.abort());
  const full = (part: string | undefined) => (part === undefined ? undefined : `${catalog}.${part}`);
  return {
    same: same === undefined ? undefined : full(found.same),
    nearest: full(found.nearest ?? (same === undefined ? `${name.schema}.${name.table}` : undefined)),
  };
}

async function spellTable(
  browser: SourceBrowser,
  { schema, table }: { readonly schema: string; readonly table: string },
  signal: AbortSignal,
): Promise<SourceSpelling> {
  const schemas = await allNames(signal, (page) => browser.schemas(page));
  const folded = schema.toLowerCase();
  const candidates = schemas.filter((each) => each.toLowerCase() === folded);
  const near = candidates.length > 0 ? candidates : [nearestName(schema, schemas) ?? []].flat();
  const tables: { readonly schema: string; readonly table: string }[] = [];
  for (const each of near) {
    const names = await allNames(signal, async (page) => {
      const { items, next } = await browser.tables(each, { ...page, columns: false });
      return { items: items.map((item) => item.table), next };
    });
    tables.push(...names.map((name) => ({ schema: each, table: name })));
  }
  const wanted = `${schema}.${table}`;
  const all = tables.map((each) => `${each.schema}.${each.table}`);
  const same = sameButForCase(wanted, all);
  return { same, nearest: same ?? nearestName(wanted, all) };
}

async function allNames(signal: AbortSignal, ask: (page: BrowsePage) => Promise<Browsed<string>>): Promise<string[]> {
  const names: string[] = [];
  let token: string | null = null;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    signal.throwIfAborted();
    const page: Browsed<string> = await ask({ size: PAGE_SIZE, token });
    names.push(...page.items);
    token = page.next;
    if (token === null) break;
  }
  return names;
}
