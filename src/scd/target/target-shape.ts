import { syncedTablesError } from '../../core/errors.js';
import { alignFields } from '../../core/flows/align-columns.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import type { TargetShape } from '../../postgres/registry/targets.js';
import { targetLayout } from './target-layout.js';

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
    names: flow.columns.map(({ name }) => name),
    ignored: flow.ignoreNullColumns,
    structs: Object.fromEntries(
      flow.columns.flatMap(({ name, struct }) =>
        struct === null || !flow.ignoreNullColumns.includes(name) ? [] : [[name, struct]],
      ),
    ),
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

/**
 * Checks a flow against the shape of its target's state. Columns may have been added, at the end of the flow's columns,
 * and fields at the end of a struct.
 * @returns the shape including additions; null if there are none
 * @throws AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED
 */
export function widenedShape(flow: AutoCdcFlow, before: TargetShape): TargetShape | null {
  const now = shapeOf(flow);
  const target = flow.fullName;
  const drift = (code: 'KEY_SCHEMA_DRIFT' | 'SEQUENCING_TYPE_DRIFT' | 'SCD_TYPE_DRIFT', from: string, to: string) =>
    syncedTablesError(`AUTOCDC_INVALID_STATE.${code}`, { target, before: from, now: to });
  if (before.scdType !== now.scdType) throw drift('SCD_TYPE_DRIFT', `${before.scdType}`, `${now.scdType}`);
  if (before.keys.join() !== now.keys.join()) {
    throw drift('KEY_SCHEMA_DRIFT', before.keys.join(', '), now.keys.join(', '));
  }
  if (before.sequence !== now.sequence) throw drift('SEQUENCING_TYPE_DRIFT', before.sequence, now.sequence);
  // Columns first: an added or removed column is a clearer reason than a change of tracking.
  const added = addedColumns(target, before, now);
  const tracked = now.tracked.filter((name) => !added.includes(name));
  if (before.tracked.join() !== tracked.join()) {
    const text = (names: readonly string[]) => names.join(', ') || 'nothing';
    const details = { target, before: text(before.tracked), now: text(now.tracked) };
    throw syncedTablesError('AUTOCDC_INVALID_STATE.TRACK_HISTORY_DRIFT', details);
  }
  requireSameAuthorship(target, before, now, added);
  const hasNewFields = hasWiderStructs(target, before, now);
  return added.length > 0 || hasNewFields ? now : null;
}

function changed(target: string, before: string, now: string) {
  return syncedTablesError('AUTOCDC_TARGET_SCHEMA_CHANGED', { target, before, now });
}

function addedColumns(target: string, before: TargetShape, now: TargetShape): readonly string[] {
  const { names } = now;
  before.names.forEach((name, place) => {
    const was = before.columns[place] ?? '';
    const is = now.columns[names.indexOf(name)];
    if (is === undefined) throw changed(target, `column ${was}`, 'no such column');
    if (is !== was) throw changed(target, `column ${was}`, `column ${is}`);
  });
  return names.filter((name) => !before.names.includes(name));
}

function requireSameAuthorship(target: string, before: TargetShape, now: TargetShape, added: readonly string[]): void {
  const form = (shape: TargetShape) => `${shape.authorship} of ${shape.source}`;
  const old = now.ignored.filter((name) => !added.includes(name)).toSorted();
  const isSame =
    before.authorship === now.authorship ||
    // Whether null is ignored may only differ in new columns; and state of whole rows has no place for authors.
    (old.length > 0 && old.join() === before.ignored.toSorted().join());
  if (isSame && before.source === now.source) return;
  throw changed(target, form(before), form(now));
}

function hasWiderStructs(target: string, before: TargetShape, now: TargetShape): boolean {
  let isWider = false;
  for (const [name, fields] of Object.entries(before.structs)) {
    const current = now.structs[name] ?? [];
    const problem = alignFields(fields, current).problem;
    if (problem !== null) throw changed(target, `${problem.before} in column "${name}"`, problem.now);
    isWider ||= JSON.stringify(fields) !== JSON.stringify(current);
  }
  return isWider;
}
