import { statSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataType, Field } from '../../src/core/data-type.js';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import type { CopyFormat } from '../../src/lake/engine/copy-value.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { NUL_ERROR_MARK } from '../../src/lake/engine/nul-error.js';
import { arbitraryCell, arbitraryColumns } from '../support/arbitrary-cells.js';
import type { Cell } from '../support/cell.js';
import { expectSameRows, storeCells } from '../support/compare-tables.js';
import { add, DeltaLogFolder, featureProtocol, metaData, schemaString } from '../support/delta-log-folder.js';
import { duckDbColumnType, duckDbLiteral } from '../support/duckdb-literal.js';
import { type LoadLakeOptions, loadLakeTable } from '../support/load-lake-table.js';
import { createTestDatabase, postgresServers, type TestDatabase } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';

// Goal: whatever the columns and values of a table are, Postgres holds exactly them after they went from Parquet
// through the engine and COPY. What is expected comes from the generated values, not from anything that was read.

const seed = propertySeed('copy round trip');
const RUNS = 50;

interface Sample {
  readonly columns: readonly Field[];
  /** Rows of each data file. */
  readonly files: readonly (readonly (readonly Cell[])[])[];
  readonly format: CopyFormat;
  readonly parts: number;
  /** Whether files know each column and member by the name of its neighbour (column mapping). */
  readonly isMapped: boolean;
}

function sample(allowNul: boolean): fc.Arbitrary<Sample> {
  return arbitraryColumns().chain((columns) => {
    const row = fc.tuple(...columns.map((column) => arbitraryCell(column.type, allowNul)));
    return fc.record<Sample>({
      columns: fc.constant(columns),
      files: fc.array(fc.array(row, { maxLength: 12 }), { maxLength: 3 }),
      format: fc.constantFrom<CopyFormat>('binary', 'text', 'csv'),
      parts: fc.integer({ min: 1, max: 3 }),
      isMapped: fc.boolean(),
    });
  });
}

/** The fields under their names in the files, at every depth. */
function physicalFields(fields: readonly Field[], isMapped: boolean): Field[] {
  return fields.map((field, n) => {
    const name = isMapped ? (fields[(n + 1) % fields.length] ?? field).name : field.name;
    return { ...field, name, type: physicalType(field.type, isMapped) };
  });
}

function physicalType(type: DataType, isMapped: boolean): DataType {
  switch (type.kind) {
    case 'array':
      return { ...type, element: physicalType(type.element, isMapped) };
    case 'map':
      return { ...type, key: physicalType(type.key, isMapped), value: physicalType(type.value, isMapped) };
    case 'struct':
      return { ...type, fields: physicalFields(type.fields, isMapped) };
    default:
      return type;
  }
}

/** Fields of a schemaString. Ids are not looked at in mode `name`. */
function deltaFields(fields: readonly Field[], isMapped: boolean) {
  const physical = physicalFields(fields, isMapped);
  return fields.map(({ name, type }, n) => ({
    name,
    type: deltaType(type, isMapped),
    nullable: true,
    metadata: isMapped
      ? { 'delta.columnMapping.physicalName': physical[n]?.name, 'delta.columnMapping.id': n + 1 }
      : {},
  }));
}

function deltaType(type: DataType, isMapped: boolean): unknown {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'array':
      return { type: 'array', elementType: deltaType(type.element, isMapped), containsNull: true };
    case 'map': {
      const [keyType, valueType] = [deltaType(type.key, isMapped), deltaType(type.value, isMapped)];
      return { type: 'map', keyType, valueType, valueContainsNull: true };
    }
    case 'struct':
      return { type: 'struct', fields: deltaFields(type.fields, isMapped) };
    default:
      return type.kind;
  }
}

describe.each(postgresServers())('$name', (server) => {
  let engine: Engine;
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    engine = await openEngine();
    database = await createTestDatabase(server);
    client = await database.connect();
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  /** Writes the sample as a Delta table and loads that. */
  async function load(table: Sample, options: Partial<LoadLakeOptions>) {
    const { files, format, parts, isMapped } = table;
    const columns = physicalFields(table.columns, isMapped);
    using folder = new DeltaLogFolder();
    const connection = await engine.connect();
    try {
      const adds: object[] = [];
      for (const rows of files) {
        const name = `${adds.length}.parquet`;
        const file = path.join(folder.root, name);
        const selects = rows.map((row) => {
          return `select ${columns.map(({ type }, n) => duckDbLiteral(type, row[n] ?? null))}`;
        });
        const names = columns.map((column) => quoteIdentifier(column.name)).join(', ');
        const nulls = columns.map(({ type }) => `cast(null as ${duckDbColumnType(type)})`);
        const all = [...selects, `select ${nulls} where false`].join('\nunion all\n');
        await connection.run(`copy (with t(${names}) as (${all}) from t) to ${quoteLiteral(file)} (format parquet)`);
        adds.push(add(name, { size: statSync(file).size }));
      }
      const schema = schemaString(...deltaFields(table.columns, isMapped));
      const configuration = isMapped ? { 'delta.columnMapping.mode': 'name' } : {};
      const protocol = featureProtocol('timestampNtz', 'columnMapping');
      folder.commit(0, protocol, metaData({ schemaString: schema, configuration }), ...adds);
      await client.query('drop table if exists actual, expected');
      return await loadLakeTable({ engine, client, root: folder.root, target: 'actual', format, parts, ...options });
    } finally {
      connection.closeSync();
    }
  }

  it('stores the values that were generated', { timeout: 180_000 }, async () => {
    const property = fc.asyncProperty(sample(false), async (table) => {
      const loaded = await load(table, {});
      const cells = table.files.flat();
      expect(loaded.rows).toBe(BigInt(cells.length));
      await storeCells(client, 'expected', loaded.columns, cells);
      await expectSameRows(client, 'actual', 'expected', loaded.columns);
    });
    await fc.assert(property, { seed, numRuns: RUNS });
  });

  it('strips NUL characters and nothing else', { timeout: 180_000 }, async () => {
    const property = fc.asyncProperty(sample(true), async (table) => {
      const loaded = await load(table, { invalidCharacters: 'strip' });
      await storeCells(
        client,
        'expected',
        loaded.columns,
        table.files.flat().map((row) => row.map(stripNul)),
      );
      await expectSameRows(client, 'actual', 'expected', loaded.columns);
    });
    await fc.assert(property, { seed, numRuns: RUNS });
  });

  it('refuses a table if and only if it holds a NUL character', { timeout: 180_000 }, async () => {
    const property = fc.asyncProperty(sample(true), async (table) => {
      const error = await load(table, {}).then(() => null, String);
      if (table.files.flat(2).some(holdsNul)) expect(error).toContain(NUL_ERROR_MARK);
      else expect(error).toBeNull();
    });
    await fc.assert(property, { seed, numRuns: RUNS });
  });
});

function stripNul(cell: Cell): Cell {
  if (typeof cell === 'string') return cell.replaceAll('\0', '');
  return Array.isArray(cell) ? cell.map(stripNul) : cell;
}

function holdsNul(cell: Cell): boolean {
  if (typeof cell === 'string') return cell.includes('\0');
  return Array.isArray(cell) && cell.some(holdsNul);
}
