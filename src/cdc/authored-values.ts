import { AUTHORED_COLUMN, type AutoCdcColumn, type AutoCdcField, type AutoCdcFlow } from '../core/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../core/names.js';
import type { ContentPart } from './event-content.js';

/**
 * Partial events as JSON: `{"v": {unit: value}, "x": {unit: value}}`. A unit is a column, or under ignore-null a leaf of
 * a struct; `v` has what the event authors, null included, `x` what it carries without authoring it (it counts when
 * two events tie). Laying the `v` of events over each other in order gives each unit its latest author.
 */
interface Unit {
  /** Place of the column, and of the fields below it: `3` or `3.0.1`. */
  readonly id: string;
  readonly column: AutoCdcColumn;
  /** Field names from the column down; empty for whole columns. */
  readonly path: readonly string[];
  readonly postgresType: string;
}

export function unitsOf(flow: AutoCdcFlow): Unit[] {
  return flow.columns.flatMap((column, place): Unit[] => {
    if (flow.keyColumns.includes(column.name)) return [];
    const whole = { id: `${place}`, column, path: [], postgresType: column.postgresType };
    if (column.struct === null || !flow.ignoreNullColumns.includes(column.name)) return [whole];
    return leavesOf(column.struct, whole);
  });
}

function leavesOf(fields: readonly AutoCdcField[], parent: Unit): Unit[] {
  return fields.flatMap((field, place) => {
    const { column } = parent;
    const unit = {
      id: `${parent.id}.${place}`,
      column,
      path: [...parent.path, field.name],
      postgresType: field.postgresType,
    };
    return field.struct === null ? [unit] : leavesOf(field.struct, unit);
  });
}

/** The value of a unit in a row, and as JSON. Opaque JSON is wrapped: JSON null is a value other than no value. */
function valueOf(unit: Unit, alias: string): string {
  const column = `${alias}.${quoteIdentifier(unit.column.name)}`;
  if (unit.path.length === 0) return column;
  return `nullif(${unit.path.reduce((json, name) => `${json} -> ${quoteLiteral(name)}`, column)}, 'null')`;
}

function jsonOf(unit: Unit, alias: string): string {
  const value = valueOf(unit, alias);
  if (unit.postgresType === 'jsonb') return `case when ${value} is not null then jsonb_build_array(${value}) end`;
  return value;
}

/** Functions take up to 100 arguments. */
const MEMBERS_MAX = 50;

function objectOf(members: readonly string[]): string {
  if (members.length === 0) return `'{}'::jsonb`;
  const chunks: string[] = [];
  for (let from = 0; from < members.length; from += MEMBERS_MAX) {
    chunks.push(`jsonb_build_object(${members.slice(from, from + MEMBERS_MAX).join(', ')})`);
  }
  return chunks.join(' || ');
}

/** Every unit of a row as if one event had authored all of it. */
export function allAuthored(flow: AutoCdcFlow, alias: string): string {
  return `(${objectOf(unitsOf(flow).map((unit) => `'${unit.id}', ${jsonOf(unit, alias)}`))})`;
}

/** The event of a staged row. */
export function stagedEvent(flow: AutoCdcFlow, alias: string): string {
  const units = unitsOf(flow);
  if (!flow.columnsToUpdate) {
    const isIgnored = (unit: Unit) => flow.ignoreNullColumns.includes(unit.column.name);
    const always = units.filter((unit) => !isIgnored(unit)).map((unit) => `'${unit.id}', ${jsonOf(unit, alias)}`);
    return `jsonb_build_object('v', ${objectOf(always)} || ${nonNull(units.filter(isIgnored), alias)})`;
  }
  const list = `${alias}.${quoteIdentifier(AUTHORED_COLUMN)}`;
  const isListed = (unit: Unit) =>
    `(${list} is null or lower(${quoteLiteral(unit.column.name)}) = any (lower(${list}::text)::text[]))`;
  const authored = units.map(
    (unit) => `case when ${isListed(unit)} then jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) else '{}' end`,
  );
  const carried = units.map(
    (unit) =>
      `case when ${isListed(unit)} or ${valueOf(unit, alias)} is null then '{}' else jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) end`,
  );
  return `jsonb_build_object('v', ${authored.join(' || ') || `'{}'::jsonb`}, 'x', ${carried.join(' || ') || `'{}'::jsonb`})`;
}

/** `jsonb_strip_nulls` looks into values too, so only scalars may go through it. */
function nonNull(units: readonly Unit[], alias: string): string {
  const isOpaque = (unit: Unit) => unit.postgresType === 'jsonb';
  const scalars = units.filter((unit) => !isOpaque(unit)).map((unit) => `'${unit.id}', ${jsonOf(unit, alias)}`);
  const opaque = units
    .filter(isOpaque)
    .map(
      (unit) =>
        `case when ${valueOf(unit, alias)} is null then '{}' else jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) end`,
    );
  return `(${[`jsonb_strip_nulls(${objectOf(scalars)})`, ...opaque].join(' || ')})`;
}

/** Non-key columns in order, out of laid-over events. A struct of which nothing is known is null. */
export function columnsOfAuthored(flow: AutoCdcFlow, json: string): string[] {
  const units = unitsOf(flow);
  return flow.columns.flatMap((column, place): string[] => {
    if (flow.keyColumns.includes(column.name)) return [];
    const isWhole = units.some((unit) => unit.column === column && unit.path.length === 0);
    if (isWhole || column.struct === null) return [decoded(json, `${place}`, column.postgresType)];
    return [structOf(column.struct, json, `${place}`).value];
  });
}

function decoded(json: string, id: string, postgresType: string): string {
  return postgresType === 'jsonb' ? `(${json} -> '${id}' -> 0)` : `(${json} ->> '${id}')::${postgresType}`;
}

function structOf(fields: readonly AutoCdcField[], json: string, id: string): { value: string; leaves: string[] } {
  const members = fields.map((field, place) => {
    const fieldId = `${id}.${place}`;
    if (field.struct !== null) return { name: field.name, ...structOf(field.struct, json, fieldId) };
    const value =
      field.postgresType === 'jsonb' ? `${json} -> '${fieldId}' -> 0` : `nullif(${json} -> '${fieldId}', 'null')`;
    return { name: field.name, value, leaves: [value] };
  });
  const leaves = members.flatMap((member) => member.leaves);
  const built = members.map(({ name, value }) => `${quoteLiteral(name)}, ${value}`);
  return { value: `case when coalesce(${leaves.join(', ')}) is not null then ${objectOf(built)} end`, leaves };
}

/** What events are compared by when they tie: every value that they carry, then the list of what they author. */
export function eventContent(flow: AutoCdcFlow, eventColumn: string): ContentPart[] {
  const event = (alias: string) => `${alias}.${eventColumn}`;
  const parts = unitsOf(flow).map((unit): ContentPart => {
    const { postgresType } = unit;
    const value = (alias: string) => `(coalesce(${event(alias)} -> 'x', '{}') || (${event(alias)} -> 'v'))`;
    return { expression: (alias) => decoded(value(alias), unit.id, postgresType), postgresType };
  });
  if (!flow.columnsToUpdate) return parts;
  return [...parts, { expression: (alias) => authoredNames(flow, event(alias)), postgresType: 'text' }];
}

/** The names of the columns that an event authors, sorted and joined with a character below all others. */
function authoredNames(flow: AutoCdcFlow, event: string): string {
  const names = unitsOf(flow).map((unit) => `('${unit.id}', ${quoteLiteral(unit.column.name)})`);
  return `(select string_agg(n.name, chr(1) order by n.name collate "C")
             from (values ${names.join(', ')}) n (id, name) where ${event} -> 'v' ? n.id)`;
}
