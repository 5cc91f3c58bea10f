import type { DataType } from '../../core/data-type.js';
import { quoteLiteral } from '../../core/names.js';
import { postgresType } from '../../core/postgres-type.js';
import { hasEscapedNul, jsonExpression } from './json-expression.js';
import { NUL_ERROR_MARK } from './nul-error.js';
import { finiteText, isTemporal, type TemporalType, temporalText } from './temporal-text.js';

/** `text`: COPY's text format. `csv`: its CSV format with a header, in which the engine does the quoting. */
export type TextFormat = 'text' | 'csv';

/** `binary`: values from which tuples of COPY's binary format are made (see `binaryForm`). */
export type CopyFormat = TextFormat | 'binary';

export interface CopyValueOptions {
  readonly format: CopyFormat;
  /** What happens to NUL characters, which Postgres cannot store. */
  readonly invalidCharacters: 'fail' | 'strip';
}

/**
 * SQL for the input of `copyValue`: the JSON text of a nested value, any other value as it is. It belongs in a separate
 * subquery, because `copyValue` names it several times.
 */
export function preparedValue(type: DataType, value: string, options: CopyValueOptions): string {
  if (postgresType(type) !== 'jsonb') return value;
  return jsonExpression(type, value, { stripNul: options.invalidCharacters === 'strip' });
}

/**
 * SQL that gives the COPY form of a prepared value, NULL where it is NULL.
 * Raises `NUL_ERROR_MARK<columnIndex>` at a NUL character unless they are stripped; in format `binary`, those in texts are found
 * by whoever makes the tuples.
 */
export function copyValue(type: DataType, prepared: string, columnIndex: number, options: CopyValueOptions): string {
  if (options.format === 'binary') return binaryValue(type, prepared, columnIndex, options);
  if (type.kind === 'string') return copyString(prepared, columnIndex, options);
  if (type.kind === 'binary') return `'${options.format === 'text' ? '\\\\' : '\\'}x' || lower(hex(${prepared}))`;
  if (isTemporal(type.kind)) return copyTemporal({ ...type, kind: type.kind }, prepared);
  return postgresType(type) === 'jsonb' ? copyJson(prepared, columnIndex, options) : prepared;
}

/** What is left to the engine: tuples are made from its own values (see `BinaryColumn`). */
function binaryValue(type: DataType, prepared: string, columnIndex: number, options: CopyValueOptions): string {
  if (postgresType(type) === 'jsonb') return copyJson(prepared, columnIndex, options);
  if (type.kind === 'byte') return `${prepared}::smallint`;
  return type.kind === 'string' && options.invalidCharacters === 'strip'
    ? copyString(prepared, columnIndex, options)
    : prepared;
}

function copyTemporal(type: TemporalType, value: string): string {
  const { kind } = type;
  return temporalText(type, value, finiteText(kind, value), kind === 'timestamp' ? '+00' : '');
}

function nulError(columnIndex: number): string {
  return `error(${quoteLiteral(`${NUL_ERROR_MARK}${columnIndex};`)})`;
}

function copyString(value: string, columnIndex: number, options: CopyValueOptions): string {
  const isStrip = options.invalidCharacters === 'strip';
  const encode = options.format === 'text' ? escapeText : (text: string) => text;
  const onNul = isStrip ? encode(`replace(${value}, chr(0), '')`) : nulError(columnIndex);
  // Almost all values are clean, and five searches cost a tenth of five rewrites.
  const special = ['\\', '\n', '\t', '\r'].map((character) => `contains(${value}, ${characterLiteral(character)})`);
  const escaped = options.format === 'text' ? ` when ${special.join(' or ')} then ${escapeText(value)}` : '';
  return `case when contains(${value}, chr(0)) then ${onNul}${escaped} else ${value} end`;
}

function characterLiteral(character: string): string {
  return character === '\\' ? `'\\'` : `chr(${character.charCodeAt(0)})`;
}

/** Backslash first: the other escapes add new ones. */
function escapeText(value: string): string {
  return `replace(replace(replace(replace(${value}, '\\', '\\\\'), chr(10), '\\n'), chr(9), '\\t'), chr(13), '\\r')`;
}

/** JSON text has no raw control characters, so a backslash is all that COPY could misread. */
function copyJson(json: string, columnIndex: number, options: CopyValueOptions): string {
  const escaped = options.format === 'text' ? `replace(${json}, '\\', '\\\\')` : json;
  const checked =
    options.invalidCharacters === 'strip'
      ? escaped
      : `case when ${hasEscapedNul(json)} then ${nulError(columnIndex)} else ${escaped} end`;
  return `case when contains(${json}, '\\') then ${checked} else ${json} end`;
}

/** SQL that is true where `value` holds a NUL character anywhere; null for types that cannot hold one. */
export function hasNul(type: DataType, value: string): string | null {
  if (type.kind === 'string') return `contains(${value}, chr(0))`;
  if (postgresType(type) !== 'jsonb') return null;
  return hasEscapedNul(jsonExpression(type, value, { stripNul: false }));
}
