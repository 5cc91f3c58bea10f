import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';

export const PAGE_SIZE_MAX = 100;

/** Query of every paged list. Clients send numbers as text, and 0 for "as you like". */
export const pageQuery = z.object({
  page_size: z.coerce.number().int().min(0).max(1_000_000).optional(),
  page_token: z.string().max(2_000).optional(),
});

/**
 * One page of a list.
 * @param keyOf sorts and identifies items: a page continues after the last key of the previous one, so that items that
 *   appear or vanish in between neither hide nor repeat others
 */
export function pageOf<Item>(
  all: readonly Item[],
  keyOf: (item: Item) => string,
  query: { readonly page_size?: number | undefined; readonly page_token?: string | undefined },
): { readonly items: Item[]; readonly next: string | null } {
  const size = Math.min(query.page_size || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
  const after = query.page_token ? readToken(query.page_token) : null;
  const sorted = all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rest = after === null ? sorted : sorted.filter((item) => keyOf(item) > after);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  return { items, next: rest.length > size && last !== undefined ? makeToken(keyOf(last)) : null };
}

function makeToken(key: string): string {
  return Buffer.from(JSON.stringify([key])).toString('base64url');
}

function readToken(token: string): string {
  try {
    return z.tuple([z.string()]).parse(JSON.parse(Buffer.from(token, 'base64url').toString()))[0];
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}
