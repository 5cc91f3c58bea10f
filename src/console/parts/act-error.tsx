import { hrefOf } from '../app/places.js';
import type { RequestError } from '../data/request.js';

/** Why something that was to be done was refused, in the server's words. */
export function ActError({ error }: { readonly error: RequestError | null }) {
  if (error === null) return null;
  return (
    <p class="box box-fail" role="alert">
      {error.message} {error.code && <a href={hrefOf(`/errors/${error.code}`)}>{error.code}</a>}{' '}
      {error.requestId && <span class="quiet">Request {error.requestId}</span>}
    </p>
  );
}
