import { assertNever } from '../../core/assert-never.js';
import type { DataType, Field } from '../../core/data-type.js';
import { quoteLiteral } from '../../core/names.js';
import { temporalText } from './temporal-text.js';

export interface JsonOptions {
  /** Remove NUL characters from strings and map keys; jsonb cannot hold them. */
  readonly stripNul: boolean;
}

/**
 * SQL that gives the JSON text of `value`, a canonical DuckDB value of `type`; NULL where `value` is NULL.
 *
 * Every number keeps its digits, trailing zeros of decimals included. NaN and infinities become strings, dates and
 * timestamps ISO text (instants with `Z`), binary base64. A map becomes an object, its keys their text; a map whose
 * keys are nested values becomes an array of `{"key":…,"value":…}`.
 *
 * `to_json` is three times as fast as putting text together, so it is used wherever it is exact.
 */
export function jsonExpression(type: DataType, value: string, options: JsonOptions): string {
  return nestedExpression(type, value, options, 0);
}

interface ExpressionOptions extends JsonOptions {
  /** Dates may be such as `to_json` writes as infinity. */
  readonly datesMayBeInfinite?: boolean;
}

function nestedExpression(type: DataType, value: string, options: ExpressionOptions, depth: number): string {
  if (isExactInToJson(type, options)) return toJson(type, value, options, depth);
  switch (type.kind) {
    case 'string':
      return `cast(to_json(replace(${value}, chr(0), '')) as varchar)`;
    case 'array':
      return arrayExpression(type.element, value, options, depth);
    case 'map':
      return mapExpression(type.key, type.value, value, options, depth);
    case 'struct':
      return structExpression(type.fields, value, options, depth);
    case 'variant':
      return options.stripNul ? stripEscapedNul(value) : value;
    case 'void':
      return 'cast(null as varchar)';
    case 'decimal':
      return scalarText(type, value);
    case 'float':
    case 'double':
      return `case when ${value} is null then null when isfinite(${value}) then cast(${value} as varchar) else concat('"', ${floatWord(value)}, '"') end`;
    case 'binary':
      return `'"' || base64(${value}) || '"'`;
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'time':
    case 'uuid':
    case 'interval':
      return `'"' || ${scalarText(type, value)} || '"'`;
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
    case 'boolean':
    case 'unsupported':
      throw new Error(`no JSON form for ${type.kind}`);
    default:
      return assertNever(type);
  }
}

/**
 * Of dates, `to_json` is exact but for two days that are infinity to the engine: where its text may hold one, it is put
 * together. Looking for them costs a twentieth.
 */
function toJson(type: DataType, value: string, options: ExpressionOptions, depth: number): string {
  const json = `cast(to_json(${value}) as varchar)`;
  if (!holdsDate(type)) return json;
  const exact = nestedExpression(type, value, { ...options, datesMayBeInfinite: true }, depth);
  return `case when contains(${json}, 'infinity"') then ${exact} else ${json} end`;
}

function holdsDate(type: DataType): boolean {
  switch (type.kind) {
    case 'date':
      return true;
    case 'array':
      return holdsDate(type.element);
    case 'map':
      return holdsDate(type.value);
    case 'struct':
      return type.fields.some((field) => holdsDate(field.type));
    default:
      return false;
  }
}

function isExactInToJson(type: DataType, options: ExpressionOptions): boolean {
  switch (type.kind) {
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
    case 'boolean':
      return true;
    case 'date':
      return options.datesMayBeInfinite !== true;
    case 'string':
      return !options.stripNul;
    case 'array':
      return isExactInToJson(type.element, options);
    case 'map':
      return type.key.kind === 'string' && !options.stripNul && isExactInToJson(type.value, options);
    case 'struct':
      return type.fields.length > 0 && type.fields.every((field) => isExactInToJson(field.type, options));
    default:
      return false;
  }
}

const orNull = (json: string): string => `coalesce(${json}, 'null')`;

function arrayExpression(element: DataType, value: string, options: ExpressionOptions, depth: number): string {
  const item = `v${depth}`;
  const items = `list_transform(${value}, lambda ${item}: ${orNull(nestedExpression(element, item, options, depth + 1))})`;
  return joined(value, items, '[', ']');
}

/**
 * `open item,item close`, NULL where `value` is; an empty list has no string to aggregate. Not `array_to_string`: that
 * is a macro which repeats its argument, so that every level of nesting would double the work.
 */
function joined(value: string, items: string, open: string, close: string): string {
  const list = `coalesce(list_aggregate(${items}, 'string_agg', ','), '')`;
  return `case when ${value} is null then null else concat('${open}', ${list}, '${close}') end`;
}

function mapExpression(
  key: DataType,
  item: DataType,
  value: string,
  options: ExpressionOptions,
  depth: number,
): string {
  const entry = `v${depth}`;
  // Never `v0.key`: the engine would take that for a member of a column named v0.
  const part = (name: 'key' | 'value') => `struct_extract(${entry}, '${name}')`;
  const content = orNull(nestedExpression(item, part('value'), options, depth + 1));
  const isNested = key.kind === 'struct' || key.kind === 'array' || key.kind === 'map' || key.kind === 'variant';
  const member = isNested
    ? `concat('{"key":', ${orNull(nestedExpression(key, part('key'), options, depth + 1))}, ',"value":', ${content}, '}')`
    : `concat(${keyExpression(key, part('key'), options)}, ':', ${content})`;
  const members = `list_transform(map_entries(${value}), lambda ${entry}: ${member})`;
  return isNested ? joined(value, members, '[', ']') : joined(value, members, '{', '}');
}

function keyExpression(type: DataType, value: string, options: JsonOptions): string {
  const text = scalarText(type, value);
  return `cast(to_json(${options.stripNul ? `replace(${text}, chr(0), '')` : text}) as varchar)`;
}

function structExpression(fields: readonly Field[], value: string, options: ExpressionOptions, depth: number): string {
  const members = fields.map((field, index) => {
    const name = quoteLiteral(`${index === 0 ? '{' : ','}${JSON.stringify(field.name)}:`);
    const member = `struct_extract(${value}, ${quoteLiteral(field.name)})`;
    return `${name}, ${orNull(nestedExpression(field.type, member, options, depth))}`;
  });
  const parts = members.length > 0 ? `${members.join(', ')}, '}'` : `'{}'`;
  return `case when ${value} is null then null else concat(${parts}) end`;
}

/** The text of a scalar inside JSON, without quotes. */
function scalarText(type: DataType, value: string): string {
  switch (type.kind) {
    case 'float':
    case 'double':
      return `case when isfinite(${value}) then cast(${value} as varchar) else ${floatWord(value)} end`;
    case 'decimal':
      // Without digits before the point the engine omits the zero that JSON requires.
      if (type.precision === type.scale) return `regexp_replace(cast(${value} as varchar), '^(-?)[.]', '\\10.')`;
      return `cast(${value} as varchar)`;
    case 'binary':
      return `base64(${value})`;
    case 'date':
      return temporalText({ ...type, kind: type.kind }, value, `cast(${value} as varchar)`);
    case 'timestamp':
      // Through microseconds: the engine's time zones count milliseconds in a double and are off by one in far years.
      return temporalText(
        { ...type, kind: type.kind },
        value,
        isoTimestamp(`make_timestamp(epoch_us(${value}))`, 'Z'),
        'Z',
      );
    case 'timestamp_ntz':
      return temporalText({ ...type, kind: type.kind }, value, isoTimestamp(value, ''));
    default:
      return `cast(${value} as varchar)`;
  }
}

function floatWord(value: string): string {
  return `case when isnan(${value}) then 'NaN' when ${value} > 0 then 'Infinity' when ${value} < 0 then '-Infinity' end`;
}

/**
 * ISO 8601 has no years before 1 and none above 9999 without agreement: those keep the engine's own text.
 * @param inUtc a finite timestamp without a zone
 */
function isoTimestamp(inUtc: string, suffix: string): string {
  const text = `cast(${inUtc} as varchar)`;
  return `case when year(${inUtc}) between 1 and 9999 then replace(${text}, ' ', 'T') || '${suffix}' else ${text} || '${suffix}' end`;
}

/** A `\u0000` escape whose backslash is not itself escaped. */
const ESCAPED_NUL = '(^|[^\\\\])((?:\\\\\\\\)*)\\\\u0000';

/** SQL that is true where the JSON text `json` holds a NUL character. */
export function hasEscapedNul(json: string): string {
  return `(contains(${json}, '\\u0000') and regexp_matches(${json}, '${ESCAPED_NUL}'))`;
}

/**
 * Reads the text escape by escape from the left, so that the second half of `\\` is never taken for the start of one.
 */
function stripEscapedNul(json: string): string {
  const stripped = `regexp_replace(${json}, '\\\\u0000|(\\\\(?:[^u]|u[0-9a-fA-F]{4}))', '\\1', 'g')`;
  return `case when contains(${json}, '\\u0000') then ${stripped} else ${json} end`;
}
