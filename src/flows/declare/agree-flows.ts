import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';

/**
 * Several flows may write to one table as long as they mean the same table.
 * @throws AUTOCDC_MULTIPLE_FLOWS_TO_TARGET, APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE
 */
export function requireAgreement(flows: readonly AutoCdcFlow[]): void {
  const [first, ...others] = flows;
  if (first === undefined) return;
  for (const other of others) {
    const names = { flow: first.flowName, other: other.flowName, target: first.fullName };
    if (first.source === 'snapshots' || other.source === 'snapshots') {
      throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE', names);
    }
    const what = difference(first, other);
    if (what !== null) throw syncedTablesError('AUTOCDC_MULTIPLE_FLOWS_TO_TARGET', { ...names, what });
  }
}

function difference(left: AutoCdcFlow, right: AutoCdcFlow): string | null {
  if (!isSame(left.keyColumns, right.keyColumns)) return 'keys';
  if (left.scdType !== right.scdType) return 'SCD types';
  if (left.sequence.kind !== right.sequence.kind) return 'types of the sequence';
  if (sequenceTypes(left) !== sequenceTypes(right)) return 'types of the sequence';
  if (!isSame(left.trackedColumns, right.trackedColumns)) return 'tracked columns';
  const columns = (flow: AutoCdcFlow) => flow.columns.map((column) => `${column.name} ${column.postgresType}`);
  return isSame(columns(left), columns(right)) ? null : 'columns';
}

/** The order of a struct's fields matters. */
function sequenceTypes(flow: AutoCdcFlow): string {
  return flow.sequence.fields.map((field) => field.postgresType).join(', ');
}

/** Compares regardless of order, which has no meaning for keys or columns. */
function isSame(left: readonly string[], right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return left.length === right.length && [...left].sort().every((value, index) => value === sorted[index]);
}
