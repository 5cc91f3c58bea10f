import { failingRowsError, syncedTablesError } from '../../../core/errors.js';
import { EXAMPLE_KEYS_MAX } from '../../../core/format-key.js';
import { quoteIdentifier } from '../../../core/names.js';
import { safeReason } from '../../../core/reasons/safe-reason.js';
import { damagedFileOf } from '../../../lake/relation/damaged-file.js';
import { findUnreadableColumn, keysOfUnreadable } from '../../../lake/relation/failing-keys.js';
import { isValueError } from '../../source/load-errors.js';
import type { OpenedSource } from '../source/opened-source.js';
import type { StagingPlan } from './plan-staging.js';

/**
 * Finds which column or expression of a flow the engine could not compute, and the keys of the rows: its own error
 * names neither. Each is computed separately once more. Other errors are returned unchanged.
 */
export async function explainFlowValue(
  error: unknown,
  { flow, parts }: StagingPlan,
  { connection, select, files = [] }: Pick<OpenedSource, 'connection' | 'select' | 'files'>,
): Promise<unknown> {
  const damaged = await damagedFileOf(error, connection, { parts: [''], files: [files] });
  if (damaged !== null) {
    const details = { file: damaged.path, table: `of flow ${flow.flowName}`, reason: damaged.reason };
    return syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
  }
  if (!isValueError(error)) return error;
  const fields = parts.map(({ type }, place) => {
    const name = `__autocdc_part${place}`;
    return { name, type, nullable: true, physicalName: name };
  });
  const keyColumns = flow.keyColumns.map((key) => `r.${quoteIdentifier(key)}`);
  const values = parts.map(({ sql }, place) => `${sql} as ${quoteIdentifier(fields[place]?.name ?? '')}`);
  const relation = {
    parts: [`select ${[...keyColumns, ...values].join(', ')} from (${select}) r`],
    rowCount: null,
    // The source is closed by the caller that opened it.
    [Symbol.asyncDispose]: async () => {},
  };
  const found = await findUnreadableColumn(connection, relation, fields);
  if (found === null || !isValueError(found.error)) return error;
  const search = { connection, relation, keyColumns: flow.keyColumns, limit: EXAMPLE_KEYS_MAX };
  const keys = await keysOfUnreadable(search, found.field);
  const reason = safeReason(found.error);
  const { what = 'A column', column = null } = parts[fields.indexOf(found.field)] ?? {};
  const details = { what, flow: flow.flowName, target: flow.fullName, reason };
  return failingRowsError('FLOW_VALUE_INVALID', details, { column, keys }, error);
}
