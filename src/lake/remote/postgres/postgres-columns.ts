import type pg from 'pg';
import type { DataType, Field } from '../../../core/data-type.js';
import { quoteIdentifier } from '../../../core/names.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import type { RemoteColumn } from '../row-source.js';

interface Attribute {
  readonly name: string;
  readonly nullable: boolean;
  readonly comment: string | null;
  /** Name of the type below all domains, if it is Postgres' own; of an array, that of its elements. */
  readonly type: string | null;
  readonly is_array: boolean;
  readonly modifier: number;
}

/**
 * Columns of a table, their types being those below domains.
 * @param table an OID
 */
export async function postgresColumns(client: pg.Client, table: string): Promise<RemoteColumn[]> {
  const { rows } = await client.query<Attribute>(
    `with recursive typed as (
       select a.attnum, a.attname, not a.attnotnull as nullable, a.atttypid as type, a.atttypmod as modifier, 0 as depth
         from pg_attribute a where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
       union all
       select d.attnum, d.attname, d.nullable, t.typbasetype, case when t.typtypmod >= 0 then t.typtypmod else d.modifier end, depth + 1
         from typed d join pg_type t on t.oid = d.type where t.typtype = 'd')
     select distinct on (c.attnum) c.attname as name, c.nullable, col_description($1, c.attnum) as comment, c.modifier,
            t.typsubscript = 'array_subscript_handler'::regproc as is_array,
            case when e.typnamespace = 'pg_catalog'::regnamespace then e.typname::text end as type
       from typed c join pg_type t on t.oid = c.type
       join pg_type e on e.oid = case when t.typsubscript = 'array_subscript_handler'::regproc then t.typelem else t.oid end
      order by c.attnum, c.depth desc`,
    [table],
  );
  return rows.map(columnOf);
}

function columnOf({ name, nullable, comment, type, is_array: isArray, modifier }: Attribute): RemoteColumn {
  const column = quoteIdentifier(name);
  const own = dataTypeOf(type, modifier);
  const field = (of: DataType): Field => ({ name, type: of, nullable, physicalName: name });
  if (isArray) {
    const element: DataType = own.kind === 'interval' ? { kind: 'string' } : own;
    return {
      field: field({ kind: 'array', element }),
      comment,
      asked: `to_json(${column}::text[])`,
      value: (json) => elements(json, element),
    };
  }
  const asked = own.kind === 'interval' ? intervalParts(column) : column;
  return { field: field(own), comment, asked, value: (text) => scalarOf(own, text) };
}

const KINDS: Readonly<Record<string, DataType>> = {
  bool: { kind: 'boolean' },
  int2: { kind: 'short' },
  int4: { kind: 'integer' },
  int8: { kind: 'long' },
  float4: { kind: 'float' },
  float8: { kind: 'double' },
  bytea: { kind: 'binary' },
  date: { kind: 'date', hasInfinities: true },
  timestamp: { kind: 'timestamp_ntz', hasInfinities: true },
  timestamptz: { kind: 'timestamp', hasInfinities: true },
  time: { kind: 'time' },
  interval: { kind: 'interval' },
  uuid: { kind: 'uuid' },
  json: { kind: 'variant' },
  jsonb: { kind: 'variant' },
};

/** What the lakehouse has no type for is the text that Postgres shows of it: no value is lost, whatever it is. */
function dataTypeOf(type: string | null, modifier: number): DataType {
  if (type === 'numeric') return numericType(modifier);
  return (type === null ? undefined : KINDS[type]) ?? { kind: 'string' };
}

const DIGITS_MAX = 38;

/** The modifier holds precision and scale, which may be negative or larger than the precision. */
function numericType(modifier: number): DataType {
  if (modifier < 4) return { kind: 'string' };
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
  const digits = Math.max(precision + Math.max(0, -scale), scale);
  if (digits > DIGITS_MAX) return { kind: 'string' };
  return { kind: 'decimal', precision: digits, scale: Math.max(0, scale) };
}

function scalarOf(type: DataType, text: string): string {
  switch (type.kind) {
    case 'string':
    case 'variant':
      return text;
    case 'binary':
      return `unhex(substr(${text}, 3))`;
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return `cast(${eraOfEngine(text)} as ${duckDbType(type)})`;
    case 'interval':
      return `to_months(cast(split_part(${text}, ' ', 1) as integer)) + to_days(cast(split_part(${text}, ' ', 2) as integer)) + to_microseconds(cast(split_part(${text}, ' ', 3) as bigint))`;
    default:
      return `cast(${text} as ${duckDbType(type)})`;
  }
}

/** Years before Christ are written after the time by Postgres, and after the day by the engine. */
function eraOfEngine(text: string): string {
  return `case when ends_with(${text}, ' BC') then regexp_replace(${text}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2') else ${text} end`;
}

/** The three numbers that an interval is, which no two programs write alike. */
function intervalParts(column: string): string {
  const time = `(${column} - date_trunc('day', ${column}))`;
  return `case when ${column} is not null then concat_ws(' ', (extract(year from ${column}) * 12 + extract(month from ${column}))::int, extract(day from ${column})::int, (extract(epoch from ${time}) * 1000000)::bigint) end`;
}

/** Of arrays with several dimensions no list can be made. */
function elements(json: string, type: DataType): string {
  const element = scalarOf(type, `(e ->> '$')`);
  return `list_transform(cast(${json} as json[]), lambda e: case json_type(e) when 'ARRAY' then error('Array of several dimensions') else ${element} end)`;
}
