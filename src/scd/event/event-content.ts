import type { AutoCdcColumn, AutoCdcField } from '../../core/flows/auto-cdc-flow.js';
import { quoteLiteral } from '../../core/names.js';

/** A value by which two events of one key and sequence are compared. */
export interface ContentPart {
  readonly expression: (alias: string) => string;
  readonly postgresType: string;
}

/** In relations with sorted contents: whether another event shares this one's key and sequence. */
export const IS_TIED_COLUMN = '__autocdc_is_tied';

/** ORDER BY of contents, greatest first: part by part, null lowest, texts by code point. */
export function contentDescending(parts: readonly ContentPart[], alias: string): string[] {
  return parts.map((part) => `${sortable(part, alias)} desc nulls last`);
}

/** The same, least first. */
export function contentAscending(parts: readonly ContentPart[], alias: string): string[] {
  return parts.map((part) => `${sortable(part, alias)} asc nulls first`);
}

/** Whether the content of `a` is the greater one. */
export function isContentGreater(parts: readonly ContentPart[], a: string, b: string): string {
  if (parts.length === 0) return 'false';
  const branches = parts.map((part) => {
    const [left, right] = [comparable(part, a), comparable(part, b)];
    return `when ${left} is distinct from ${right} then coalesce(${left} > ${right}, ${right} is null)`;
  });
  return `(case ${branches.join(' ')} else false end)`;
}

/** Sort keys are computed for every row, so expensive ones only where events are tied. */
function sortable(part: ContentPart, alias: string): string {
  return `case when ${alias}.${IS_TIED_COLUMN} then ${comparable(part, alias)} end`;
}

function comparable(part: ContentPart, alias: string): string {
  const value = part.expression(alias);
  if (part.postgresType === 'jsonb') return `synced_tables_internal._json_order(${value}) collate "C"`;
  return part.postgresType === 'text' ? `${value} collate "C"` : value;
}

/** The content of a row: its columns, with structs split into their fields. */
export function columnContent(columns: readonly AutoCdcColumn[], quoted: readonly string[]): ContentPart[] {
  return columns.flatMap((column, index) => {
    const value = (alias: string) => `${alias}.${quoted[index]}`;
    if (column.struct !== null) return structContent(column.struct, value);
    return [{ expression: value, postgresType: column.postgresType }];
  });
}

/** The content of a struct, given as JSON: whether it is present, then field by field. */
export function structContent(fields: readonly AutoCdcField[], struct: (alias: string) => string): ContentPart[] {
  const isThere = {
    expression: (alias: string) => `(nullif(${struct(alias)}, 'null') is not null)`,
    postgresType: 'boolean',
  };
  return [
    isThere,
    ...fields.flatMap((field): ContentPart[] => {
      const member = quoteLiteral(field.name);
      const inner = (alias: string) => `(${struct(alias)} -> ${member})`;
      if (field.struct !== null) return structContent(field.struct, inner);
      const { postgresType } = field;
      if (postgresType === 'jsonb') return [{ expression: (alias) => `nullif(${inner(alias)}, 'null')`, postgresType }];
      return [{ expression: (alias) => `(${struct(alias)} ->> ${member})::${postgresType}`, postgresType }];
    }),
  ];
}
