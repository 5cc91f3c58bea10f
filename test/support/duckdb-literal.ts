import { assertNever } from '../../src/core/assert-never.js';
import type { DataType } from '../../src/core/data-type.js';
import { quoteIdentifier } from '../../src/core/names.js';
import { type Cell, list } from './cell.js';

/** A type as DuckDB writes it to Parquet; a variant is the pair of its two blobs. */
export function duckDbColumnType(type: DataType): string {
  switch (type.kind) {
    case 'string':
      return 'varchar';
    case 'long':
      return 'bigint';
    case 'integer':
      return 'integer';
    case 'short':
      return 'smallint';
    case 'byte':
      return 'tinyint';
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'binary':
      return 'blob';
    case 'timestamp':
      return 'timestamptz';
    case 'timestamp_ntz':
      return 'timestamp';
    case 'float':
    case 'double':
    case 'boolean':
    case 'date':
    case 'time':
    case 'uuid':
      return type.kind;
    case 'array':
      return `${duckDbColumnType(type.element)}[]`;
    case 'map':
      return `map(${duckDbColumnType(type.key)}, ${duckDbColumnType(type.value)})`;
    case 'struct':
      return `struct(${type.fields.map((field) => `${quoteIdentifier(field.name)} ${duckDbColumnType(field.type)}`)})`;
    case 'void':
    case 'variant':
    case 'interval':
    case 'unsupported':
      throw new Error(`tests write no ${type.kind}`);
    default:
      return assertNever(type);
  }
}

/** SQL of DuckDB, session time zone UTC, that gives exactly `cell`. Text goes as bytes, so that any character can. */
export function duckDbLiteral(type: DataType, cell: Cell): string {
  if (cell === null) return `cast(null as ${duckDbColumnType(type)})`;
  switch (type.kind) {
    case 'string':
      return `decode(unhex('${Buffer.from(String(cell)).toString('hex')}'))`;
    case 'binary':
      return `unhex('${Buffer.from(cell as Uint8Array).toString('hex')}')`;
    case 'float':
    case 'double':
      return `cast('${Object.is(cell, -0) ? '-0.0' : cell}' as ${type.kind})`;
    case 'date':
      return `(date '1970-01-01' + ${cell}::integer)`;
    case 'timestamp':
    case 'timestamp_ntz':
      // The last microsecond is the engine's infinity, and there is no other way to write it.
      if (cell === 2n ** 63n - 1n) return `cast('infinity' as ${duckDbColumnType(type)})`;
      return `make_${duckDbColumnType(type)}(${cell})`;
    case 'array': {
      const items = list(cell).map((item) => duckDbLiteral(type.element, item));
      return `cast([${items}] as ${duckDbColumnType(type)})`;
    }
    case 'map': {
      const pairs = list(cell).map((pair) => {
        const [key = null, value = null] = list(pair);
        return `struct_pack(k := ${duckDbLiteral(type.key, key)}, v := ${duckDbLiteral(type.value, value)})`;
      });
      return pairs.length === 0 ? `cast(map() as ${duckDbColumnType(type)})` : `map_from_entries([${pairs}])`;
    }
    case 'struct': {
      const members = type.fields.map((field, n) => {
        return `${quoteIdentifier(field.name)} := ${duckDbLiteral(field.type, list(cell)[n] ?? null)}`;
      });
      return `struct_pack(${members})`;
    }
    default:
      return `cast('${cell}' as ${duckDbColumnType(type)})`;
  }
}
