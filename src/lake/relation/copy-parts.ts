import { randomUUID } from 'node:crypto';
import { quoteIdentifier } from '../../core/names.js';
import type { CopySelects } from '../engine/copy-stream.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { PartPass, Relation } from './relation.js';
import { eachPart, holdWhole, partsOf } from './relation-pass.js';
import { copySelect, type TableRead } from './table-read.js';

type Parts = Pick<Relation, 'parts' | 'remote' | 'slices'>;

/**
 * How many connections can share the rows: keeping only the latest row per key, or only some rows, needs all in one, and
 * slices are for little memory.
 */
export function readersOf(relation: Parts, read: TableRead, readersMax: number): number {
  if (read.timeseriesKey !== null || read.limit !== undefined || relation.slices !== undefined) return 1;
  const partsMax = relation.remote?.isStreamed ? readersMax : relation.parts.length;
  return Math.max(1, Math.min(partsMax, readersMax));
}

/** Is told of each part before its SELECT, while its files are present. */
export type OnPart = (part: string) => Promise<void>;

/** The SELECTs of one of several readers. */
export async function* sharedCopy(pass: PartPass, read: TableRead, onPart?: OnPart): CopySelects {
  for await (const part of partsOf(pass)) {
    await onPart?.(part);
    yield copySelect(part, read);
  }
}

/**
 * The SELECTs of a reader that gets all rows.
 * @param onPart not called where the latest rows of keys are sought, or only some rows
 */
export async function* wholeCopy(
  engine: Engine,
  relation: Parts,
  read: TableRead,
  signal?: AbortSignal,
  onPart?: OnPart,
): CopySelects {
  const isOnePart = relation.parts.length <= 1 && !relation.slices && !relation.remote?.isStreamed;
  if (read.timeseriesKey !== null && !isOnePart) {
    const isHeld = !relation.slices && (!relation.remote || relation.remote.fitsSpool);
    if (isHeld) yield* heldCopy(relation, read, signal);
    else yield* latestCopy(engine, relation, { ...read, timeseriesKey: read.timeseriesKey }, signal);
  } else if (read.limit !== undefined) {
    yield* limitedCopy(relation, { ...read, limit: read.limit }, signal);
  } else {
    for await (const part of eachPart(relation, signal)) {
      await onPart?.(part);
      yield copySelect(part, read);
    }
  }
}

async function* heldCopy(relation: Parts, read: TableRead, signal: AbortSignal | undefined): CopySelects {
  const whole = await holdWhole(relation, signal);
  try {
    yield copySelect(whole.select, read);
  } finally {
    await whole[Symbol.asyncDispose]();
  }
}

async function* limitedCopy(
  relation: Parts,
  read: TableRead & { readonly limit: bigint },
  signal: AbortSignal | undefined,
): CopySelects {
  let left = read.limit;
  for await (const part of eachPart(relation, signal)) {
    left -= yield copySelect(part, { ...read, limit: left });
    if (left <= 0n) return;
  }
}

/**
 * The latest row of each key in two passes over the files, where they are never all present or never read whole: the
 * first keeps the greatest value of each key in the engine, which spills to disk; the second reads the rows that have it.
 */
async function* latestCopy(
  engine: Engine,
  relation: Parts,
  read: TableRead & { readonly timeseriesKey: string },
  signal: AbortSignal | undefined,
): CopySelects {
  const connection = await engine.connect();
  const keys = read.keyColumns.map(quoteIdentifier);
  const time = quoteIdentifier(read.timeseriesKey);
  const schema = `latest_${randomUUID().replaceAll('-', '')}`;
  const key = keys.join(', ');
  const isWhole = keys.map((name) => `${name} is not null`).join(' and ');
  try {
    await connection.run(`create schema ${schema}`);
    let isFirst = true;
    for await (const part of eachPart(relation, signal)) {
      const best = `select ${key}, max(${time}) as _latest from (${part}) where ${isWhole} group by ${key}`;
      await connection.run(isFirst ? `create table ${schema}.found as ${best}` : `insert into ${schema}.found ${best}`);
      isFirst = false;
    }
    await connection.run(
      `create table ${schema}.best as select ${key}, max(_latest) as _latest from ${schema}.found group by ${key}`,
    );
    await connection.run(`drop table ${schema}.found`);
    const isSame = keys.map((name) => `b.${name} = r.${name}`).join(' and ');
    for await (const part of eachPart(relation, signal)) {
      const rows = `select r.* from (${part}) r semi join ${schema}.best b
        on ${isSame} and b._latest is not distinct from r.${time}`;
      yield copySelect(rows, { ...read, timeseriesKey: null });
    }
  } finally {
    await connection.run(`drop schema if exists ${schema} cascade`);
    connection.closeSync();
  }
}
