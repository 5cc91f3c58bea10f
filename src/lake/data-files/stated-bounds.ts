import { randomUUID } from 'node:crypto';
import { VARCHAR } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { engineErrorClass } from '../../core/reasons/engine-reason.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { duckDbType } from '../engine/duckdb-type.js';
import { BOUNDED_ROWS, boundNames, type HintedCondition } from '../read-hint.js';

/** What metadata states of the values that a column has in one file. */
export interface ColumnBounds {
  /** Text that the engine casts to the type of the column, and that no value is below; null if it is not known. */
  readonly least: string | null;
  /** The same that no value is above. */
  readonly greatest: string | null;
  readonly nulls: bigint | null;
}

/** What metadata states of one file. */
export interface FileBounds {
  readonly rows: bigint | null;
  /** In the order of the fields that were asked for. */
  readonly columns: readonly ColumnBounds[];
}

/** Conditions that bounds may rule out, and the columns that they are about. */
export interface BoundedConditions {
  readonly fields: readonly Field[];
  /** SQL over `boundNames`, each of which is false where no row fulfils the whole. */
  readonly bounds: readonly string[];
}

/** What bounds of some columns can tell of a condition; null if that is nothing. */
export function boundedConditions(
  condition: HintedCondition | null | undefined,
  columns: readonly Field[],
): BoundedConditions | null {
  const names = new Set(columns.map(({ name }) => name));
  const about = (condition?.conjuncts ?? []).filter((conjunct) => conjunct.columns.every((name) => names.has(name)));
  const bounds = about.map((conjunct) => conjunct.bounds).filter((bound) => bound !== null);
  if (bounds.length === 0) return null;
  const named = new Set(about.filter((conjunct) => conjunct.bounds !== null).flatMap((conjunct) => conjunct.columns));
  return { fields: columns.filter(({ name }) => named.has(name)), bounds };
}

/** SQL that is false where bounds rule some conditions out. */
export function possibleSql({ bounds }: BoundedConditions): string {
  return bounds.map((bound) => `((${bound}) is not false)`).join(' and ');
}

/**
 * Bounds in the type of their column, as SQL. Writers cut times to milliseconds, and the engine rounds finer ones.
 * @param least SQL of a text
 */
export function typedBounds({ type }: Field, least: string, greatest: string): { least: string; greatest: string } {
  const value = (text: string) => `try_cast(${text} as ${duckDbType(type)})`;
  const isTime = type.kind === 'timestamp' || type.kind === 'timestamp_ntz';
  return {
    least: `${value(least)}${isTime ? ' - interval 1 millisecond' : ''}`,
    greatest: `${value(greatest)}${isTime ? ' + interval 1 millisecond' : ''}`,
  };
}

/**
 * The files in which rows may fulfil conditions, as far as what metadata states of them tells. What is not stated rules
 * nothing out.
 * @param stated what is known of each file, in their order
 */
export async function filesWithinStated<File>(
  engine: Engine,
  files: readonly File[],
  { conditions, stated }: { conditions: BoundedConditions; stated: readonly (FileBounds | null)[] },
): Promise<readonly File[]> {
  if (!stated.some((bounds) => bounds !== null)) return files;
  const connection = await engine.connect();
  const schema = `bounds_${randomUUID().replaceAll('-', '')}`;
  const { fields } = conditions;
  try {
    await connection.run(`create schema ${schema}`);
    const columns = fields.map((_, n) => `, l${n} varchar, g${n} varchar, n${n} varchar`);
    await connection.run(`create table ${schema}.stated (place ubigint, rows varchar${columns.join('')})`);
    const appender = await connection.createAppender('stated', schema);
    const append = (text: string | null) => appender.appendValue(text, VARCHAR);
    for (const [place, bounds] of stated.entries()) {
      if (bounds === null) continue;
      appender.appendUBigInt(BigInt(place));
      append(bounds.rows?.toString() ?? null);
      for (const n of fields.keys()) {
        const { least = null, greatest = null, nulls = null } = bounds.columns[n] ?? {};
        append(least);
        append(greatest);
        // Of one that has values, not all are null, whatever the counts say.
        const isWrong = nulls !== null && nulls >= (bounds.rows ?? nulls + 1n) && (least ?? greatest) !== null;
        append(isWrong ? null : (nulls?.toString() ?? null));
      }
      appender.endRow();
    }
    appender.closeSync();
    const typed = fields.map((field, n) => {
      const names = boundNames(field.name);
      const { least, greatest } = typedBounds(field, `l${n}`, `g${n}`);
      return `${least} as ${names.least}, ${greatest} as ${names.greatest}, n${n}::bigint as ${names.nulls}`;
    });
    const known = `select place, rows::bigint as ${BOUNDED_ROWS}, ${typed.join(', ')} from ${schema}.stated`;
    const sql = `select place::integer from (${known}) where not (${possibleSql(conditions)})`;
    const found = await connection.runAndReadAll(sql);
    const impossible = new Set(found.getRowsJson().map(([place]) => Number(place)));
    return files.filter((_, place) => !impossible.has(place));
  } catch (error) {
    // The condition cannot be computed: reading the rows meets the same error, and can tell of it.
    if (['Conversion', 'Invalid Input', 'Out of Range'].includes(engineErrorClass(error) ?? '')) return files;
    throw error;
  } finally {
    await connection.run(`drop schema if exists ${schema} cascade`);
    connection.closeSync();
  }
}
