import { useEffect, useState } from 'preact/hooks';
import { call, RequestError } from './request.js';
import { type Query, useQuery } from './use-query.js';

export interface Pages<Item> {
  /** The first page: whether it is there, old or failed. */
  readonly first: Query<unknown>;
  /** Of all pages so far. */
  readonly items: readonly Item[];
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  /** Why the newest further page failed; null after one that did not. */
  readonly moreError: RequestError | null;
  readonly loadMore: () => void;
}

interface Further<Item> {
  readonly path: string | null;
  readonly items: readonly Item[];
  readonly next: string | undefined;
  readonly isLoading: boolean;
  readonly error: RequestError | null;
}

/**
 * Reads a list page by page: the first at once, further ones when somebody asks for them. A page may be empty although
 * more follow. Not kept fresh: what others add appears when the list is asked for again.
 * @param path of the first page; null to ask for nothing
 * @param itemsOf the items of a page
 */
export function usePages<Page extends { readonly next_page_token?: string | undefined }, Item>(
  path: string | null,
  itemsOf: (page: Page) => readonly Item[],
): Pages<Item> {
  const first = useQuery<Page>(path, { isLive: false });
  const [further, setFurther] = useState<Further<Item>>(NONE);
  const at = first.at;
  // A first page that was read again begins the list again.
  useEffect(() => setFurther({ ...NONE, path }), [path, at]);
  const isOwn = further.path === path;
  const next = isOwn && further.next !== undefined ? further.next : first.data?.next_page_token;
  const loadMore = async () => {
    if (path === null || !next || further.isLoading) return;
    const known = isOwn ? further.items : [];
    setFurther({ path, items: known, next, isLoading: true, error: null });
    try {
      const page = await call<Page>(`${path}&page_token=${encodeURIComponent(next)}`);
      const items = [...known, ...itemsOf(page)];
      setFurther({ path, items, next: page.next_page_token ?? '', isLoading: false, error: null });
    } catch (error) {
      const failure = error instanceof RequestError ? error : new RequestError(0, {}, error);
      setFurther({ path, items: known, next, isLoading: false, error: failure });
    }
  };
  return {
    first,
    items: [...(first.data ? itemsOf(first.data) : []), ...(isOwn ? further.items : [])],
    hasMore: next !== undefined && next !== '',
    isLoadingMore: isOwn && further.isLoading,
    moreError: isOwn ? further.error : null,
    loadMore: () => void loadMore(),
  };
}

const NONE: Further<never> = { path: null, items: [], next: undefined, isLoading: false, error: null };
