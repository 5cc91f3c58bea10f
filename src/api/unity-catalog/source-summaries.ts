import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { Browsed, BrowsePage, SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isLike } from './like-pattern.js';

/** Schemas without a matching table may make a page empty, but must not make it slow. */
const SCHEMAS_PER_PAGE = 20;
const SCHEMA_PAGES_MAX = 50;
const SCHEMAS_PER_REQUEST = 1_000;

/** Where the next page continues: in this schema, after this token of its list. */
const place = z.tuple([z.string(), z.string().nullable()]);

/** A page of a source catalog's tables, over all schemas, that match two LIKE patterns; without their columns. */
export async function browseSummaries(
  source: SourceBrowser,
  patterns: { readonly schema: string; readonly table: string },
  page: BrowsePage,
): Promise<Browsed<SourceTable>> {
  const [first, firstToken] = page.token === null ? ['', null] : readPlace(page.token);
  const schemas = (await readSchemas(source)).filter((name) => name >= first && isLike(name, patterns.schema)).sort();
  const items: SourceTable[] = [];
  for (const [index, schema] of schemas.entries()) {
    if (items.length >= page.size || index === SCHEMAS_PER_PAGE) return { items, next: makePlace(schema, null) };
    const token = schema === first ? firstToken : null;
    const found = await source.tables(schema, { size: page.size - items.length, token, columns: false });
    items.push(...found.items.filter(({ table }) => isLike(table, patterns.table)));
    if (found.next !== null) return { items, next: makePlace(schema, found.next) };
  }
  return { items, next: null };
}

async function readSchemas(source: SourceBrowser): Promise<string[]> {
  const names: string[] = [];
  let token: string | null = null;
  for (let pages = 0; pages < SCHEMA_PAGES_MAX; pages++) {
    const found: Browsed<string> = await source.schemas({ size: SCHEMAS_PER_REQUEST, token });
    names.push(...found.items);
    token = found.next;
    if (token === null) break;
  }
  return names;
}

function makePlace(schema: string, token: string | null): string {
  return JSON.stringify([schema, token]);
}

function readPlace(text: string): z.infer<typeof place> {
  try {
    return place.parse(JSON.parse(text));
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}
