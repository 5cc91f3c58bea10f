import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Query } from '../data/use-query.js';
import { ErrorBox } from './error-box.js';

interface LoadedProps<Body> {
  readonly query: Query<Body>;
  /** What is read, for sentences: `the tables`. */
  readonly what: string;
  /** Stands for the data until it is there, in its dimensions. */
  readonly skeleton: ComponentChildren;
  readonly children: (data: Body) => ComponentChildren;
}

const SKELETON_MS = 150;
const SLOW_MS = 10_000;

/** The data of a query, and beside or instead of it what is to say: that it is loading, slow, old or failed. */
export function Loaded<Body>({ query, what, skeleton, children }: LoadedProps<Body>) {
  const { data, error, isFetching, since, at } = query;
  const showsSkeleton = useAfter(data === undefined && isFetching ? since : null, SKELETON_MS);
  const isSlow = useAfter(isFetching ? since : null, SLOW_MS);
  const slow = isSlow && (
    <p class="slow" role="status">
      Still asking for {what}.{' '}
      <button type="button" onClick={query.cancel}>
        Cancel
      </button>
    </p>
  );
  if (data === undefined) {
    if (error) return <ErrorBox error={error} what={what} onRetry={query.refetch} />;
    if (!isFetching && at === null && since === null) return showsSkeleton ? skeleton : null;
    return (
      <>
        {slow}
        {showsSkeleton && <div aria-busy="true">{skeleton}</div>}
      </>
    );
  }
  return (
    <>
      {error && <ErrorBox error={error} what={what} onRetry={query.refetch} staleSince={at} />}
      {slow}
      {children(data)}
    </>
  );
}

/** Whether a time has passed since a moment; null: no. */
function useAfter(since: number | null, ms: number): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    if (since === null) {
      setOver(false);
      return;
    }
    const timer = setTimeout(() => setOver(true), Math.max(0, since + ms - Date.now()));
    return () => clearTimeout(timer);
  }, [since, ms]);
  return since !== null && isOver;
}
