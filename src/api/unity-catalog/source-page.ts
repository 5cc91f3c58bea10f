import { z } from 'zod';
import type { Browsed, BrowsePage } from '../../core/source-browser.js';
import { PAGE_SIZE_MAX, pageOf } from '../wire/page.js';

interface PageQuery {
  readonly max_results?: number | undefined;
  readonly page_token?: string | undefined;
}

/** A token for a page inside the source, which has its own tokens. */
const sourceToken = z.tuple([z.literal('source'), z.string().nullable()]);

/**
 * One page of what the databases hold, which is known in full, followed by what a source catalog with that name holds,
 * which is requested page by page.
 * @param keyOf sorts and identifies items; those on both sides count once
 * @param browse null if no source belongs to the list
 */
export async function pageWithSource<Item>(
  own: readonly Item[],
  keyOf: (item: Item) => string,
  query: PageQuery,
  browse: ((page: BrowsePage) => Promise<Browsed<Item>>) | null,
): Promise<{ readonly items: Item[]; readonly next: string | null }> {
  const size = Math.min(query.max_results || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
  const inSource = browse && readSourceToken(query.page_token);
  const page = inSource ? { items: [], next: null } : pageOf(own, keyOf, { ...query, page_size: size });
  if (page.next !== null || browse === null) return page;
  if (page.items.length === size) return { ...page, next: makeToken(null) };
  const found = await browse({ size: size - page.items.length, token: inSource?.token ?? null });
  const known = new Set(own.map(keyOf));
  const items = [...page.items, ...found.items.filter((item) => !known.has(keyOf(item)))];
  return { items, next: found.next === null ? null : makeToken(found.next) };
}

function makeToken(token: string | null): string {
  return Buffer.from(JSON.stringify(['source', token])).toString('base64url');
}

/** Null for the first page, and for the tokens of what the databases hold. */
function readSourceToken(token: string | undefined): { readonly token: string | null } | null {
  if (!token) return null;
  try {
    const parsed = sourceToken.safeParse(JSON.parse(Buffer.from(token, 'base64url').toString()));
    return parsed.success ? { token: parsed.data[1] } : null;
  } catch {
    // pageOf reports what is wrong with it.
    return null;
  }
}
