import { type DataType, dataTypeText, type Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import type { SchemaChange } from './change-relation.js';
import { isWidening } from './is-widening.js';

/** The columns of a source at one version. */
interface VersionColumns {
  readonly columns: readonly Field[];
}

/**
 * What changed between two schemas. Columns are matched by physical name: without column mapping that is the name
 * itself, so a rename without mapping is a drop and an addition. Order and nullability are ignored.
 */
function compareSchemas(before: readonly Field[], after: readonly Field[], version: bigint): SchemaChange[] {
  const changes: SchemaChange[] = [];
  compareFields(before, after, '', { version, changes });
  return changes;
}

interface Comparison {
  readonly version: bigint;
  readonly changes: SchemaChange[];
}

function compareFields(before: readonly Field[], after: readonly Field[], prefix: string, to: Comparison): void {
  const { version, changes } = to;
  const afterByPhysicalName = new Map(after.map((field) => [field.physicalName, field]));
  const known = new Set(before.map((field) => field.physicalName));
  for (const field of before) {
    const column = prefix + field.name;
    const successor = afterByPhysicalName.get(field.physicalName);
    if (!successor) {
      changes.push({ version, column, kind: 'dropped' });
      continue;
    }
    if (successor.name !== field.name) changes.push({ version, column, kind: 'renamed', to: prefix + successor.name });
    compareTypes(field.type, successor.type, prefix + successor.name, to);
  }
  for (const field of after) {
    if (!known.has(field.physicalName)) changes.push({ version, column: prefix + field.name, kind: 'added' });
  }
}

function compareTypes(before: DataType, after: DataType, column: string, to: Comparison): void {
  if (before.kind === 'struct' && after.kind === 'struct') {
    compareFields(before.fields, after.fields, `${column}.`, to);
  } else if (before.kind === 'array' && after.kind === 'array') {
    compareTypes(before.element, after.element, `${column}.element`, to);
  } else if (before.kind === 'map' && after.kind === 'map') {
    compareTypes(before.key, after.key, `${column}.key`, to);
    compareTypes(before.value, after.value, `${column}.value`, to);
  } else if (dataTypeText(before) !== dataTypeText(after)) {
    // A void column held only nulls, which are nulls of any type.
    const kind = before.kind === 'void' || isWidening(before, after) ? 'widened' : 'retyped';
    to.changes.push({
      version: to.version,
      column,
      kind,
      from: dataTypeText(before),
      to: dataTypeText(after),
    });
  }
}

export interface SchemaRules {
  readonly tableName: string;
  readonly keyColumns: readonly string[];
  /** Names, in any case, of the columns that are needed; null for all. */
  readonly neededColumns: readonly string[] | null;
  /** Names, in any case, of columns that a new copy could not do without either. */
  readonly requiredColumns: readonly string[];
  readonly policy: 'stop' | 'follow';
}

/** The fields of a schema that are needed, each under its name there. */
export function neededFields(
  fields: readonly Field[],
  { neededColumns }: Pick<SchemaRules, 'neededColumns'>,
): readonly Field[] {
  if (neededColumns === null) return fields;
  const names = new Set(neededColumns.map((name) => name.toLowerCase()));
  return fields.filter(({ name }) => names.has(name.toLowerCase()));
}

/** What changed in the columns that are needed. */
export function compareNeeded(
  before: VersionColumns,
  after: VersionColumns,
  rules: SchemaRules,
  version: bigint,
): SchemaChange[] {
  const needed = neededFields(before.columns, rules);
  const known = new Set(needed.map(({ physicalName }) => physicalName));
  const named = neededFields(after.columns, rules);
  // A needed column may have another name afterwards.
  const still = after.columns.filter((field) => known.has(field.physicalName) || named.includes(field));
  return compareSchemas(needed, still, version);
}

/**
 * Refuses changes that cannot be followed and require a new copy of the table.
 * @param areIdentified whether columns are told by something else than their names: under its name alone, a dropped one may
 *   come back as something else
 * @throws CHANGED_PRIMARY_KEY, CHOSEN_COLUMN_CHANGED, COLUMN_TYPE_CHANGE_NOT_SUPPORTED, COLUMN_RENAME_NOT_SUPPORTED, COLUMN_DROP_NOT_SUPPORTED
 */
export function requireFollowable(
  changes: readonly SchemaChange[],
  { areIdentified }: { readonly areIdentified: boolean },
  rules: SchemaRules,
): void {
  const isFollowed = rules.policy === 'follow' && areIdentified;
  // An error about the key is more useful than one about another column.
  for (const change of changes) {
    const { column, version } = change;
    if (change.kind === 'added' || change.kind === 'widened' || !rules.keyColumns.includes(column)) continue;
    throw syncedTablesError('CHANGED_PRIMARY_KEY', {
      table: rules.tableName,
      column,
      change: describe(change),
      version,
    });
  }
  for (const change of changes) {
    const { column, version } = change;
    const table = rules.tableName;
    if (change.kind === 'retyped') {
      const { from, to } = change;
      throw syncedTablesError('COLUMN_TYPE_CHANGE_NOT_SUPPORTED', { table, column, from, to, version });
    }
    const isLost = change.kind === 'renamed' || change.kind === 'dropped';
    if (isLost && isRequired(column, rules)) {
      throw syncedTablesError('CHOSEN_COLUMN_CHANGED', { table, column, change: describe(change), version });
    }
    if (change.kind === 'renamed' && !isFollowed) {
      throw syncedTablesError('COLUMN_RENAME_NOT_SUPPORTED', { table, column, to: change.to, version });
    }
    if (change.kind === 'dropped' && !isFollowed) {
      throw syncedTablesError('COLUMN_DROP_NOT_SUPPORTED', { table, column, version });
    }
  }
}

function isRequired(column: string, { requiredColumns }: SchemaRules): boolean {
  return requiredColumns.some((name) => name.toLowerCase() === column.toLowerCase());
}

function describe(change: SchemaChange): string {
  switch (change.kind) {
    case 'renamed':
      return `was renamed to "${change.to}"`;
    case 'retyped':
      return `changed its type from ${change.from} to ${change.to}`;
    default:
      return 'was dropped';
  }
}
