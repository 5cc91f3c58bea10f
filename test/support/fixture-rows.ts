import { readFileSync } from 'node:fs';
import type { DataType, Field } from '../../src/core/data-type.js';
import { type Cell, list } from './cell.js';

/** The rows of a fixture's `expected.json`; test/fixtures/expected_rows.py says how cells are written there. */
export function readFixtureRows(file: string, columns: readonly Field[]): Cell[][] {
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Cell[][] };
  return rows.map((row) => fixtureRow(file, row, columns));
}

/** The same for a file that has one row a line. */
export function readFixtureLines(file: string, columns: readonly Field[]): Cell[][] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => fixtureRow(file, JSON.parse(line) as Cell[], columns));
}

function fixtureRow(file: string, row: readonly Cell[], columns: readonly Field[]): Cell[] {
  if (row.length !== columns.length) throw new Error(`${file} has ${row.length} columns, not ${columns.length}`);
  return columns.map((column, n) => fixtureCell(column.type, row[n] ?? null));
}

function fixtureCell(type: DataType, json: Cell): Cell {
  if (json === null) return null;
  switch (type.kind) {
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return BigInt(String(json));
    case 'float':
    case 'double':
      return Number(json);
    case 'binary':
      return Buffer.from(String(json), 'hex');
    case 'array':
      return list(json).map((item) => fixtureCell(type.element, item));
    case 'map':
      return list(json).map((pair) => {
        const [key = null, value = null] = list(pair);
        return [fixtureCell(type.key, key), fixtureCell(type.value, value)];
      });
    case 'struct':
      return type.fields.map((field, n) => fixtureCell(field.type, list(json)[n] ?? null));
    default:
      return json;
  }
}
