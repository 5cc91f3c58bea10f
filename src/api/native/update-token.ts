import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { UpdatePlace } from '../../postgres/registry/api/table-updates.js';

// Page tokens of lists of updates: the place of the last one.

const token = z.tuple([z.iso.datetime({ precision: 6 }), z.uuid()]);

export function updateTokenOf({
  place,
  update_id: id,
}: {
  readonly place: string;
  readonly update_id: string;
}): string {
  return Buffer.from(JSON.stringify([place, id])).toString('base64url');
}

/** Null without a token. @throws REQUEST_INVALID */
export function readUpdateToken(text: string | undefined): UpdatePlace | null {
  if (!text) return null;
  try {
    const [createdAt, updateId] = token.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { createdAt, updateId };
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}
