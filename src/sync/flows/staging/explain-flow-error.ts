import { asSyncedTablesError, failingRowsError } from '../../../core/errors.js';
import type { AutoCdcFlow } from '../../../core/flows/auto-cdc-flow.js';
import { engineErrorClass } from '../../../core/reasons/engine-reason.js';
import { isSystemError } from '../../../core/reasons/safe-reason.js';
import { NUL_ERROR_MARK } from '../../../lake/engine/nul-error.js';
import { isConnectionLoss, isPostgresError } from '../../../postgres/session/session.js';
import { explainAnyError } from '../../source/load-errors.js';

/** Turns errors of staging or applying events into catalogued ones; errors of other kinds are returned unchanged. */
export function explainFlowError(error: unknown, target: string, flow: AutoCdcFlow | null): unknown {
  if (asSyncedTablesError(error)) return error;
  const what = flow === null ? target : `flow ${flow.flowName}`;
  const source = `of ${what}`;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn !== undefined) {
    const column = flow?.columns[Number(nulColumn)]?.name ?? null;
    const details = { column: column ?? 'the sequence', table: source, target };
    return failingRowsError('CHARACTER_NOT_IN_REPERTOIRE', details, { column, keys: [] }, error);
  }
  if (isPostgresError(error)) return explainAnyError(error, { source: what, fullName: target });
  const isKnown = isConnectionLoss(error) || isSystemError(error) || engineErrorClass(error) !== null;
  return isKnown ? explainAnyError(error, { source, fullName: target }) : error;
}
