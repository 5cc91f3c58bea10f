import { buffer } from 'node:stream/consumers';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Field } from '../../../../src/core/data-type.js';
import { CHANGE_TYPES } from '../../../../src/lake/changes/change-relation.js';
import { collapseChanges, IS_NEW_ROW } from '../../../../src/lake/changes/collapse-changes.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { collapseTuples } from '../../../../src/lake/engine/tuples/collapse-tuples.js';
import { openTableCopy } from '../../../../src/lake/relation/table-copy.js';
import { copySelect } from '../../../../src/lake/relation/table-read.js';
import { tuplesOf } from '../../../support/binary-copy.js';
import { propertySeed } from '../../../support/property-seed.js';
import { Random } from '../../../support/random.js';

// Goal: changes of a single version, which are collapsed in a shorter way, come to what those of any number of versions come to; so
// do few of them, which are collapsed by the bytes of their tuples.

const SETS = 150;
const COLUMNS = [
  { name: 'number', type: { kind: 'double' } },
  { name: 'text', type: { kind: 'string' } },
  { name: 'value', type: { kind: 'long' } },
] as const;
const FIELDS = COLUMNS.map((column) => ({ ...column, nullable: true, physicalName: column.name }));

let engine: Engine;
let connection: DuckDBConnection;
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
});

/** Changes of version 7, of few keys, so that some meet, and with nulls in some keys. */
function someChanges(random: Random, numbers = ['1', '2', 'null', `'nan'`]): string {
  const change = () => {
    const number = random.pick(numbers);
    const text = random.pick([`'a'`, `'b'`, `''`, 'null']);
    return `(${number}::double, ${text}::varchar, ${random.below(3)}::bigint, '${random.pick(CHANGE_TYPES)}', 7::bigint,
      timestamptz '2026-01-02 03:04:05+00')`;
  };
  const rows = Array.from({ length: random.below(random.pick([4, 12])) + 1 }, change);
  const names = [...COLUMNS.map(({ name }) => name), '_change_type', '_commit_version', '_commit_timestamp'];
  return `select * from (values ${rows.join(', ')}) t(${names.join(', ')})`;
}

async function collapsed(select: string, options: { isOneVersion: boolean; keysTable: string }) {
  const source = { select, columns: FIELDS, ...options };
  const {
    select: states,
    changes,
    keysTable,
    ...counts
  } = await collapseChanges(connection, source, {
    keyColumns: ['number', 'text'],
  });
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson().map((row) => row.join('|'));
  const found = {
    ...counts,
    states: await read(`select * from (${states}) order by all`),
    keys: await read(`select number, text, _touched_version, _touched_new, _touched_at, _touched_new_in_all, _touched_balance
                       from ${keysTable} order by number, text`),
  };
  await connection.run(`drop table ${keysTable}`);
  expect(changes).toBe(select);
  return found;
}

it('comes to the same as for any number of versions', async () => {
  const random = new Random(propertySeed('collapse-changes'));
  let duplicates = 0n;
  let withoutKey = 0n;
  for (let n = 0; n < SETS; n++) {
    const select = someChanges(random);
    const short = await collapsed(select, { isOneVersion: true, keysTable: 'short' });
    const whole = await collapsed(select, { isOneVersion: false, keysTable: 'whole' });
    expect({ select, ...short }).toEqual({ select, ...whole });
    duplicates += short.duplicateKeyCount;
    withoutKey += short.rowsWithoutKey;
  }
  // Otherwise the sets are too simple.
  expect(duplicates).toBeGreaterThan(0n);
  expect(withoutKey).toBeGreaterThan(0n);
});

/** A SELECT as COPY takes it, its numbers as whole ones, which bytes tell apart. */
async function copyOf(select: string): Promise<Buffer> {
  const type: Field = { name: '_change_type', type: { kind: 'string' }, nullable: false, physicalName: '_change_type' };
  const columns = FIELDS.map((field) =>
    field.name === 'number' ? { ...field, type: { kind: 'long' as const } } : field,
  );
  const read = {
    columns: [...columns, type],
    keyColumns: [],
    timeseriesKey: null,
    invalidCharacters: 'fail',
    format: 'binary',
  } as const;
  const source = `select * replace (number::bigint as number) from (${select})`;
  const { bytes, finished } = await openTableCopy(engine, connection, copySelect(source, read), read, {
    isSmall: true,
  });
  const copied = await buffer(bytes);
  await finished;
  return copied;
}

const hexOf = (copy: Buffer) =>
  tuplesOf(copy)
    .map((values) => values.map((value) => value?.toString('hex') ?? 'null').join(' '))
    .sort();

it('comes to the same by the bytes of tuples, or leaves it to the engine', async () => {
  const random = new Random(propertySeed('collapse-tuples'));
  let unclear = 0;
  let deletes = 0n;
  for (let n = 0; n < SETS; n++) {
    const select = someChanges(random, ['1', '2', 'null', '-9000000000']);
    const kinds = `select * replace (case when ${IS_NEW_ROW} then 'upsert' else 'delete' end as _change_type) from (${select})`;
    const found = collapseTuples(await copyOf(kinds), [0, 1]);
    const source = { select, columns: FIELDS, keysTable: 'whole' };
    const whole = await collapseChanges(connection, source, { keyColumns: ['number', 'text'] });
    expect(found === null, select).toBe(whole.duplicateKeyCount > 0n);
    if (found === null) unclear++;
    else {
      const { copy, ...counts } = found;
      const all = await connection.runAndReadAll(`select sum(if(${IS_NEW_ROW}, 1, -1)) from (${select})`);
      expect({ select, ...counts }).toEqual({
        select,
        keys: whole.upserts + whole.deletes,
        balance: whole.balance,
        balanceOfAll: BigInt(String(all.getRowsJson()[0]?.[0])),
        rowsWithoutKey: whole.rowsWithoutKey,
      });
      expect({ select, rows: hexOf(copy) }).toEqual({ select, rows: hexOf(await copyOf(whole.select)) });
      deletes += whole.deletes;
    }
    await connection.run('drop table whole');
  }
  expect(unclear).toBeGreaterThan(0);
  expect(unclear).toBeLessThan(SETS / 2);
  expect(deletes).toBeGreaterThan(0n);
});

it('leaves rows of another kind to the engine', async () => {
  const unknown = await copyOf(`select 1 as number, 'a' as text, 2::bigint as value, 'unknown' as _change_type`);
  expect(collapseTuples(unknown, [0])).toBe(null);
  const none = collapseTuples(
    await copyOf(`select 1 as number, 'a' as text, 2::bigint as value, 'upsert' as _change_type where false`),
    [0],
  );
  expect(none).toMatchObject({ keys: 0n, balance: 0n, balanceOfAll: 0n, rowsWithoutKey: 0n });
  expect(tuplesOf(none?.copy ?? Buffer.alloc(0))).toEqual([]);
});
