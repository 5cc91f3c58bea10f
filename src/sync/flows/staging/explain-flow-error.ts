import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { AutoCdcFlow } from '../../../core/flows/auto-cdc-flow.js';
import { NUL_ERROR_MARK } from '../../../lake/engine/copy-value.js';
import { isConnectionLoss, isPostgresError } from '../../../postgres/session/session.js';
import { explainConnectionLoss, explainEngineError, explainPostgresError } from '../../source/load-errors.js';

/** Turns errors of staging or applying events into catalogued ones. */
export function explainFlowError(error: unknown, target: string, flow: AutoCdcFlow | null): unknown {
  if (asSyncedTablesError(error)) return error;
  const what = flow === null ? target : `flow ${flow.flowName}`;
  const source = `of ${what}`;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn !== undefined) {
    const column = flow?.columns[Number(nulColumn)]?.name ?? 'the sequence';
    return syncedTablesError(
      'CHARACTER_NOT_IN_REPERTOIRE',
      { column, table: source, target, keys: 'not looked up' },
      error,
    );
  }
  if (isPostgresError(error)) return explainPostgresError(error, { source: what, fullName: target });
  if (isConnectionLoss(error)) return explainConnectionLoss(error);
  return isEngineError(error) ? explainEngineError(error, source) : error;
}

function isEngineError(error: unknown): boolean {
  return error instanceof Error && /^[A-Z][A-Za-z ]* Error: /.test(error.message);
}
