import { isUuid } from '../../../core/uuid.js';

/** What the channel told of. */
export interface Change {
  /** What viewers are told: kind and id. */
  readonly hint: string;
  /** Null where it concerns a whole pipeline. */
  readonly tableId: string | null;
  readonly pipelineId: string | null;
  /** Whether the table was deleted. */
  readonly isGone: boolean;
}

const KINDS = new Set(['table', 'gone', 'update', 'verification', 'event', 'pipeline']);

/** Reads `kind:id:scope`; null for what no trigger of ours sent: everybody may notify any channel. */
export function parseChange(payload: string): Change | null {
  const [kind = '', id = '', scope = '', ...more] = payload.split(':');
  if (!KINDS.has(kind) || more.length > 0 || (scope !== '' && !isUuid(scope))) return null;
  if (kind === 'event' ? !/^\d{1,19}$/.test(id) : !isUuid(id)) return null;
  if (kind === 'gone') return { hint: `table:${id}`, tableId: id, pipelineId: null, isGone: true };
  const tableId = kind === 'table' ? id : kind === 'verification' ? scope : null;
  return { hint: `${kind}:${id}`, tableId, pipelineId: tableId === null ? scope || null : null, isGone: false };
}
