import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { isWidening } from '../../changes/is-widening.js';
import { parsePrimitiveType } from './primitive-type.js';

const typeChanges = z.array(z.object({ fromType: z.string(), toType: z.string() }));

/**
 * Checks the history of a column's type: files from before a change keep the old type and are cast when read, which is
 * correct only for the changes in the protocol's list ("Type Widening").
 * @param options.history `delta.typeChanges` of the column's metadata
 * @throws DELTA_UNSUPPORTED_FEATURE for any other change; DELTA_LOG_CORRUPT if the history cannot be read
 */
export function requireKnownTypeChanges(options: { history: unknown; column: string; tableName: string }): void {
  const { history, column, tableName } = options;
  if (history === undefined || history === null) return;
  const parsed = typeChanges.safeParse(history);
  if (!parsed.success) {
    const reason = `delta.typeChanges of column "${column}" is malformed`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  for (const { fromType, toType } of parsed.data) {
    if (isWidening(parsePrimitiveType(fromType), parsePrimitiveType(toType))) continue;
    const feature = `the change of column "${column}" from ${fromType} to ${toType}`;
    throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature });
  }
}
