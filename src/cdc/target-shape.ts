import type { AutoCdcFlow } from '../core/auto-cdc-flow.js';
import { syncedTablesError } from '../core/errors.js';
import { targetLayout } from './target-layout.js';

/** What the state of a target was made with: kept beside it, so that a flow that would misread it is refused. */
export interface TargetShape {
  readonly keys: readonly string[];
  readonly sequence: string;
  readonly scdType: number;
  readonly tracked: readonly string[];
  readonly columns: readonly string[];
  /** How authors are kept; other flows into the target have to agree. */
  readonly authorship: string;
  readonly source: string;
  readonly relations: { readonly view: string; readonly storage: string; readonly feed: string; readonly base: string };
}

export function shapeOf(flow: AutoCdcFlow): TargetShape {
  const { view, storage, feed, base } = targetLayout(flow);
  const typed = (name: string) => {
    const type = flow.columns.find((column) => column.name === name)?.postgresType;
    return `"${name}" ${type}`;
  };
  const { kind, fields } = flow.sequence;
  const types = fields.map(({ name, postgresType }) =>
    kind === 'column' ? postgresType : `"${name}" ${postgresType}`,
  );
  return {
    keys: flow.keyColumns.map(typed),
    sequence: kind === 'column' ? types.join() : `struct(${types.join(', ')})`,
    scdType: flow.scdType,
    tracked: flow.trackedColumns.filter((name) => !flow.keyColumns.includes(name)).sort(),
    columns: flow.columns.map(({ name }) => typed(name)),
    authorship: authorshipOf(flow),
    source: flow.source,
    relations: { view, storage, feed, base },
  };
}

function authorshipOf(flow: AutoCdcFlow): string {
  if (flow.columnsToUpdate) return 'columns to update';
  return flow.ignoreNullColumns.length === 0
    ? 'whole rows'
    : `null ignored in ${flow.ignoreNullColumns.toSorted().join(', ')}`;
}

/** @throws AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED */
export function requireSameShape(flow: AutoCdcFlow, before: TargetShape): void {
  const now = shapeOf(flow);
  const target = flow.fullName;
  const details = (from: readonly string[] | string, to: readonly string[] | string) => {
    const text = (value: readonly string[] | string) =>
      typeof value === 'string' ? value : value.join(', ') || 'nothing';
    return { target, before: text(from), now: text(to) };
  };
  if (before.scdType !== now.scdType) {
    throw syncedTablesError('AUTOCDC_INVALID_STATE.SCD_TYPE_DRIFT', {
      target,
      before: before.scdType,
      now: now.scdType,
    });
  }
  if (before.keys.join() !== now.keys.join()) {
    throw syncedTablesError('AUTOCDC_INVALID_STATE.KEY_SCHEMA_DRIFT', details(before.keys, now.keys));
  }
  if (before.sequence !== now.sequence) {
    throw syncedTablesError('AUTOCDC_INVALID_STATE.SEQUENCING_TYPE_DRIFT', details(before.sequence, now.sequence));
  }
  // Columns first: a column that came or went is the plainer reason than its being tracked.
  if (before.columns.join() !== now.columns.join()) {
    throw syncedTablesError('AUTOCDC_TARGET_SCHEMA_CHANGED', details(before.columns, now.columns));
  }
  if (before.tracked.join() !== now.tracked.join()) {
    throw syncedTablesError('AUTOCDC_INVALID_STATE.TRACK_HISTORY_DRIFT', details(before.tracked, now.tracked));
  }
  if (before.authorship !== now.authorship || before.source !== now.source) {
    const form = (shape: TargetShape) => `${shape.authorship} of ${shape.source}`;
    throw syncedTablesError('AUTOCDC_TARGET_SCHEMA_CHANGED', details(form(before), form(now)));
  }
}
