import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeltaTable } from '../../../../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../../src/lake/lake-table.js';
import { eachPart } from '../../../../../src/lake/relation/relation-pass.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';

// Goal: read a few rows at a time by an engine apart, a table has the rows that it has when it is read at once,
// whatever its files are like.

const FIXTURES = path.resolve(import.meta.dirname, '../../../../fixtures/delta');

let engine: Engine;
let apart: Engine;
beforeAll(async () => {
  engine = await openEngine();
  apart = await engine.apart();
});
afterAll(async () => {
  await apart[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

async function readRows(table: LakeTable): Promise<{ readonly rows: string[]; readonly parts: number }> {
  await using relation = await table.openRelation(await table.snapshot(), 2);
  const connection = await table.engine.connect();
  try {
    const rows: string[] = [];
    let parts = 0;
    for await (const part of eachPart(relation)) {
      const result = await connection.runAndReadAll(part);
      rows.push(...result.getRowsJson().map((row) => JSON.stringify(row)));
      parts++;
    }
    return { rows: rows.sort(), parts };
  } finally {
    connection.closeSync();
  }
}

// The one that no reader can read is refused before it is read.
const fixtures = readdirSync(FIXTURES).filter((name) => name !== 'spark-variant-shredded');

it.each(fixtures)('%s', async (name) => {
  const table = openDeltaTable({
    engine,
    store: localFileStore,
    root: path.join(FIXTURES, name, 'table'),
    tableName: `lake.app.${name}`,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
  });
  const whole = await readRows(table);
  const slices = await readRows(table.readBy(apart, 20));
  expect(slices.rows).toEqual(whole.rows);
  if (name === 'spark-deletion-vectors') expect(slices.parts).toBeGreaterThan(whole.parts);
});

it('takes turns: the next engine apart is opened when the one before is gone', async () => {
  const order: string[] = [];
  const next = engine.apart().then((opened) => {
    order.push('opened');
    return opened;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  order.push('disposed');
  await apart[Symbol.asyncDispose]();
  apart = await next;
  expect(order).toEqual(['disposed', 'opened']);
});
