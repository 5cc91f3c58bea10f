import { hrefOf } from '../app/places.js';
import type { RequestError } from '../data/request.js';
import { Ago } from './time.js';

interface ErrorBoxProps {
  readonly error: RequestError;
  /** What was asked for: `the tables`. */
  readonly what: string;
  readonly onRetry?: () => void;
  /** Says what failed, where nothing was read. */
  readonly title?: string;
  /** When the data beside it was true, if old data is shown. */
  readonly staleSince?: number | null;
}

/** Why a request failed, in the server's words, and what to do. */
export function ErrorBox({ error, what, title, onRetry, staleSince }: ErrorBoxProps) {
  return (
    <section class="error-box" role="alert">
      <p class="error-title">
        {staleSince ? (
          <>
            Reading {what} failed; what is shown is from <Ago time={staleSince} />.
          </>
        ) : (
          (title ?? `Reading ${what} failed.`)
        )}
      </p>
      <p>{error.message}</p>
      <p class="error-foot">
        {error.code && <a href={hrefOf(`/errors/${error.code}`)}>{error.code}</a>}
        {error.requestId && <span class="quiet">Request {error.requestId}</span>}
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </p>
    </section>
  );
}
