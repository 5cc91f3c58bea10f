import {
  AUTHORED_COLUMN,
  type AutoCdcColumn,
  type AutoCdcField,
  type AutoCdcFlow,
} from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { type ContentPart, structContent } from './event-content.js';

/**
 * Partial events as JSON: `{"v": {unit: value}, "x": {unit: value}}`. A unit is a column or, with ignore-null, a leaf
 * of a struct; `v` holds what the event authors, null included, `x` what it carries without authoring it (used when two
 * events tie). Overlaying the `v` of events in order gives each unit its latest author.
 */
interface Unit {
  /** Position of the column and of the fields below it: `3` or `3.0.1`. */
  readonly id: string;
  readonly column: AutoCdcColumn;
  /** Field names from the column down; empty for whole columns. */
  readonly path: readonly string[];
  readonly postgresType: string;
}

function unitsOf(flow: AutoCdcFlow): Unit[] {
  return flow.columns.flatMap((column, place): Unit[] => {
    if (flow.keyColumns.includes(column.name)) return [];
    const whole = { id: `${place}`, column, path: [], postgresType: column.postgresType };
    if (column.struct === null || !flow.ignoreNullColumns.includes(column.name)) return [whole];
    return leavesOf(column.struct, whole);
  });
}

/** The structs, nested ones included, whose leaves are units: whether a struct is present matters when events tie. */
function structsOf(fields: readonly AutoCdcField[], self: Unit): Unit[] {
  const inner = fields.flatMap((field, place) =>
    field.struct === null
      ? []
      : structsOf(field.struct, { ...self, id: `${self.id}.${place}`, path: [...self.path, field.name] }),
  );
  return [self, ...inner];
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

/** The value of a unit in a row, and as JSON. Opaque JSON is wrapped: JSON null is a value, distinct from no value. */
function unitValue(unit: Unit, alias: string): string {
  const column = `${alias}.${quoteIdentifier(unit.column.name)}`;
  if (unit.path.length === 0) return column;
  return `nullif(${unit.path.reduce((json, name) => `${json} -> ${quoteLiteral(name)}`, column)}, 'null')`;
}

function jsonOf(unit: Unit, alias: string): string {
  const value = unitValue(unit, alias);
  if (unit.postgresType === 'jsonb') return `case when ${value} is not null then jsonb_build_array(${value}) end`;
  return value;
}

/** Postgres functions take up to 100 arguments. */
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
    const structs = flow.columns.flatMap((column, place) =>
      column.struct === null || !flow.ignoreNullColumns.includes(column.name)
        ? []
        : structsOf(column.struct, { id: `${place}`, column, path: [], postgresType: 'jsonb' }),
    );
    const there = structs.map(
      (struct) => `'${struct.id}?', case when ${unitValue(struct, alias)} is not null then true end`,
    );
    const carried = there.length === 0 ? '' : `, 'x', jsonb_strip_nulls(${objectOf(there)})`;
    return `jsonb_build_object('v', ${objectOf(always)} || ${nonNull(units.filter(isIgnored), alias)}${carried})`;
  }
  const list = `${alias}.${quoteIdentifier(AUTHORED_COLUMN)}`;
  const isListed = (unit: Unit) =>
    `(${list} is null or lower(${quoteLiteral(unit.column.name)}) = any (lower(${list}::text)::text[]))`;
  const authored = units.map(
    (unit) => `case when ${isListed(unit)} then jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) else '{}' end`,
  );
  const carried = units.map(
    (unit) =>
      `case when ${isListed(unit)} or ${unitValue(unit, alias)} is null then '{}' else jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) end`,
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
        `case when ${unitValue(unit, alias)} is null then '{}' else jsonb_build_object('${unit.id}', ${jsonOf(unit, alias)}) end`,
    );
  return `(${[`jsonb_strip_nulls(${objectOf(scalars)})`, ...opaque].join(' || ')})`;
}

/** Non-key columns in order, from overlaid events. A struct about which nothing is known is null. */
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
  return postgresType === 'jsonb' ? unwrapped(`${json} -> '${id}'`) : `(${json} ->> '${id}')::${postgresType}`;
}

/** A scalar acts as its own element 0, so JSON null, meaning no value, must not get there. */
function unwrapped(json: string): string {
  return `(case when jsonb_typeof(${json}) = 'array' then ${json} -> 0 end)`;
}

function structOf(fields: readonly AutoCdcField[], json: string, id: string): { value: string; leaves: string[] } {
  const members = fields.map((field, place) => {
    const fieldId = `${id}.${place}`;
    if (field.struct !== null) return { name: field.name, ...structOf(field.struct, json, fieldId) };
    const value =
      field.postgresType === 'jsonb' ? unwrapped(`${json} -> '${fieldId}'`) : `nullif(${json} -> '${fieldId}', 'null')`;
    return { name: field.name, value, leaves: [value] };
  });
  const leaves = members.flatMap((member) => member.leaves);
  const built = members.map(({ name, value }) => `${quoteLiteral(name)}, ${value}`);
  return { value: `case when coalesce(${leaves.join(', ')}) is not null then ${objectOf(built)} end`, leaves };
}

/** What tied events are compared by: every value that they carry, then the list of what they author. */
export function eventContent(flow: AutoCdcFlow, eventColumn: string): ContentPart[] {
  const event = (alias: string) => `${alias}.${eventColumn}`;
  const carried = (alias: string) => `(coalesce(${event(alias)} -> 'x', '{}') || (${event(alias)} -> 'v'))`;
  const units = unitsOf(flow);
  const parts = flow.columns.flatMap((column, place): ContentPart[] => {
    if (flow.keyColumns.includes(column.name)) return [];
    const isWhole = units.some((unit) => unit.column === column && unit.path.length === 0);
    if (column.struct === null) return [unitContent(carried, `${place}`, column.postgresType)];
    if (isWhole) return structContent(column.struct, (alias) => unwrapped(`${carried(alias)} -> '${place}'`));
    return leafContent(column.struct, carried, `${place}`);
  });
  if (!flow.columnsToUpdate) return parts;
  return [...parts, { expression: (alias) => authoredNames(flow, event(alias)), postgresType: 'text' }];
}

type Carried = (alias: string) => string;

function unitContent(carried: Carried, id: string, postgresType: string): ContentPart {
  return { expression: (alias) => decoded(carried(alias), id, postgresType), postgresType };
}

function leafContent(fields: readonly AutoCdcField[], carried: Carried, id: string): ContentPart[] {
  const inner = fields.flatMap((field, place) =>
    field.struct === null
      ? [unitContent(carried, `${id}.${place}`, field.postgresType)]
      : leafContent(field.struct, carried, `${id}.${place}`),
  );
  return [{ expression: (alias) => `(${carried(alias)} ? '${id}?')`, postgresType: 'boolean' }, ...inner];
}

/** The names of the columns that an event authors, sorted and joined with a character below all others. */
function authoredNames(flow: AutoCdcFlow, event: string): string {
  const names = unitsOf(flow).map((unit) => `('${unit.id}', ${quoteLiteral(unit.column.name)})`);
  return `(select string_agg(n.name, chr(1) order by n.name collate "C")
             from (values ${names.join(', ')}) n (id, name) where ${event} -> 'v' ? n.id)`;
}
