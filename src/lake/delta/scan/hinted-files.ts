import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { quoteIdentifier } from '../../../core/names.js';
import { engineErrorClass } from '../../../core/reasons/engine-reason.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import type { ReadHint } from '../../read-hint.js';
import type { DeltaFile } from '../snapshot/delta-file.js';
import { createPartitionTable, partitionValueExpression } from './partition-table.js';

interface HintOptions {
  readonly engine: Engine;
  readonly partitionFields: readonly Field[];
  readonly partitionTimeZone: string;
  readonly hint?: ReadHint | undefined;
}

/**
 * The files in which rows may fulfil the condition of a hint, as far as their partition values tell: the conditions that
 * are about partition columns alone are computed, by the engine as for a row, once for each file.
 */
export async function filesOfPartitions(
  files: readonly DeltaFile[],
  options: HintOptions,
): Promise<readonly DeltaFile[]> {
  const { engine, partitionFields, hint } = options;
  const partitions = new Set(partitionFields.map(({ name }) => name));
  const conditions = (hint?.condition?.conjuncts ?? []).filter(
    ({ columns }) => columns.length > 0 && columns.every((name) => partitions.has(name)),
  );
  if (conditions.length === 0 || files.length === 0) return files;
  const connection = await engine.connect();
  const schema = `hint_${randomUUID().replaceAll('-', '')}`;
  try {
    await connection.run(`create schema ${schema}`);
    await createPartitionTable(connection, `${schema}.partitions`, partitionFields, files);
    const values = partitionFields.map(
      (field, index) =>
        `${partitionValueExpression(field, `v${index}`, options.partitionTimeZone)} as ${quoteIdentifier(field.name)}`,
    );
    const where = conditions.map(({ sql }) => `(${sql})`).join(' and ');
    const chosen = `select file_index from (select file_index, ${values.join(', ')} from ${schema}.partitions) where ${where}`;
    const places = await readPlaces(connection, chosen);
    return places === null ? files : files.filter((_, index) => places.has(index));
  } finally {
    await connection.run(`drop schema if exists ${schema} cascade`);
    connection.closeSync();
  }
}

/** Null if the condition, or a value, cannot be computed: reading the rows meets the same error, and can tell of it. */
async function readPlaces(connection: DuckDBConnection, sql: string): Promise<ReadonlySet<number> | null> {
  try {
    const found = await connection.runAndReadAll(`select file_index::integer from (${sql})`);
    return new Set(found.getRowsJson().map(([place]) => Number(place)));
  } catch (error) {
    if (!['Conversion', 'Invalid Input', 'Out of Range'].includes(engineErrorClass(error) ?? '')) throw error;
    return null;
  }
}
