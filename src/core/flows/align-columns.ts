import type { AutoCdcField } from './auto-cdc-flow.js';

/** How columns of a target are arranged: state refers to them by position. */
export interface StoredColumns {
  readonly names: readonly string[];
  /** Fields of structs in which null is ignored, by column. */
  readonly structs: Readonly<Record<string, readonly AutoCdcField[]>>;
}

/** Columns in the order of the target; new ones follow, in their own order. */
export function alignNames(stored: readonly string[], names: readonly string[]): string[] {
  return [...stored.filter((name) => names.includes(name)), ...names.filter((name) => !stored.includes(name))];
}

/**
 * Fields of a struct in the order of the target, at all levels.
 * @returns `problem` set if one of them is gone or has another type
 */
export function alignFields(
  stored: readonly AutoCdcField[],
  fields: readonly AutoCdcField[],
): { readonly fields: AutoCdcField[]; readonly problem: { readonly before: string; readonly now: string } | null } {
  let problem: { before: string; now: string } | null = null;
  const old = stored.flatMap((before): AutoCdcField[] => {
    const now = fields.find(({ name }) => name === before.name);
    const text = (field: AutoCdcField) => `field "${field.name}" ${field.struct ? 'struct' : field.postgresType}`;
    if (now === undefined) {
      problem ??= { before: text(before), now: 'no such field' };
      return [];
    }
    if (text(now) !== text(before)) problem ??= { before: text(before), now: text(now) };
    if (now.struct === null || before.struct === null) return [now];
    const inner = alignFields(before.struct, now.struct);
    problem ??= inner.problem;
    return [{ ...now, struct: inner.fields }];
  });
  const isNew = ({ name }: AutoCdcField) => !stored.some((before) => before.name === name);
  return { fields: [...old, ...fields.filter(isNew)], problem };
}
