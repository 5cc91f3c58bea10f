import { quoteIdentifier } from '../../core/names.js';
import type { Relation } from '../relation/relation.js';

/**
 * The rows of a relation whose key is in an engine table: the same columns, part by part. The engine turns the keys
 * into scan filters, so files and row groups without any of them are not decoded.
 * @param options.keysTable engine table with columns named like the key columns, such as `CollapsedChanges.keysTable`
 */
export function rowsOfKeys(
  relation: Pick<Relation, 'parts'>,
  options: { keysTable: string; keyColumns: readonly string[] },
): string[] {
  const names = options.keyColumns.map(quoteIdentifier);
  const isSame = names.map((name) => `r.${name} = k.${name}`).join(' and ');
  return relation.parts.map((part) => `select r.* from (${part}) r semi join ${options.keysTable} k on ${isSame}`);
}
