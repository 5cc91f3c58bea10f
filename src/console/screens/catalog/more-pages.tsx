import type { Pages } from '../../data/use-pages.js';
import { ErrorBox } from '../../parts/error-box.js';
import { catalogTexts } from './texts.js';

interface MorePagesProps {
  readonly pages: Pages<unknown>;
  /** What is listed, for sentences. */
  readonly what: string;
}

/** Below a list: whether it goes on. A page may be empty although the list does. */
export function MorePages({ pages, what }: MorePagesProps) {
  if (pages.moreError) return <ErrorBox error={pages.moreError} what={what} onRetry={pages.loadMore} />;
  if (!pages.hasMore) return null;
  const word = pages.items.length === 0 ? catalogTexts.further : catalogTexts.more;
  return (
    <p>
      {pages.items.length === 0 && `${catalogTexts.none} `}
      <button type="button" aria-disabled={pages.isLoadingMore} onClick={pages.loadMore}>
        {pages.isLoadingMore ? catalogTexts.asking : word}
      </button>
    </p>
  );
}
