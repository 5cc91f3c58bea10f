import { expect, it } from 'vitest';
import { readPipeline } from '../../../src/flows/declare/read-pipeline.js';

// Goal: every statement of the grammar is read, in any spelling that it allows, and mistakes show their place.

const read = (text: string) => readPipeline(text, 'test.sql');
const flowOf = (text: string) => read(text).flows[0];

it('reads the older form, with clauses on lines of their own', () => {
  const { tables, flows } = read(`
    -- the documentation's example
    CREATE OR REFRESH STREAMING TABLE target;
    APPLY CHANGES INTO
      live.target
    FROM
      stream(cdc_data.users)
    KEYS
      (userId)
    APPLY AS DELETE WHEN
      operation = "DELETE"
    APPLY AS TRUNCATE WHEN
      operation = "TRUNCATE"
    SEQUENCE BY
      sequenceNum
    COLUMNS * EXCEPT
      (operation, sequenceNum)
    STORED AS
      SCD TYPE 1;`);
  expect(tables).toEqual([{ name: ['target'], columns: null, comment: null, tombstoneSeconds: null }]);
  expect(flows).toEqual([
    {
      name: 'target',
      kind: 'changes',
      target: ['target'],
      source: { kind: 'name', parts: ['cdc_data', 'users'], isChangeFeed: false },
      options: {
        keys: ['userId'],
        once: false,
        apply_as_deletes: 'operation = "DELETE"',
        apply_as_truncates: 'operation = "TRUNCATE"',
        sequence_by: 'sequenceNum',
        except_column_list: ['operation', 'sequenceNum'],
        stored_as_scd_type: '1',
      },
    },
  ]);
});

it('reads the newer form with every clause, in any order and case', () => {
  const flow = flowOf(
    'create flow if not exists f comment \'a; "b"\' as auto cdc once into s.t from stream a.b.c keys (id, `order id`) ' +
      'track history on * except (city) stored as scd type 2 sequence by struct(ts, cast(n as bigint)) ' +
      "columns a, b, city ignore null updates on * except (a) apply as delete when op in ('D', \"X\") and note <> ';'",
  );
  expect(flow).toMatchObject({ name: 'f', target: ['s', 't'], source: { parts: ['a', 'b', 'c'] } });
  expect(flow?.options).toEqual({
    keys: ['id', '`order id`'],
    once: true,
    track_history_except_column_list: ['city'],
    stored_as_scd_type: '2',
    sequence_by: 'struct(ts, cast(n as bigint))',
    column_list: ['a', 'b', 'city'],
    ignore_null_updates_except_column_list: ['a'],
    apply_as_deletes: "op in ('D', \"X\") and note <> ';'",
  });
});

it('reads table and flow in one statement, with columns, properties and a comment', () => {
  const { tables, flows } = read(`
    CREATE STREAMING TABLE IF NOT EXISTS t (id INT NOT NULL, tags ARRAY<STRUCT<a: INT, b: STRING>> COMMENT 'x')
    COMMENT 'users' CLUSTER BY (id)
    TBLPROPERTIES ('pipelines.cdc.tombstoneGCThresholdInSeconds' = '3600', quality = 'gold')
    FLOW AUTO CDC FROM v KEYS (id) SEQUENCE BY n COLUMNS TO UPDATE cols`);
  expect(tables[0]).toEqual({
    name: ['t'],
    columns: [
      { name: 'id', type: 'INT' },
      { name: 'tags', type: 'ARRAY<STRUCT<a: INT, b: STRING>>' },
    ],
    comment: 'users',
    tombstoneSeconds: 3600,
  });
  expect(flows[0]?.options).toEqual({ keys: ['id'], once: false, sequence_by: 'n', columns_to_update: 'cols' });
});

it('reads flows from snapshots', () => {
  const flow = flowOf(
    'CREATE FLOW f AS AUTO CDC INTO t FROM SNAPSHOT (select * from a.b.c where x in (1, 2)) KEYS (k) STORED AS SCD TYPE 2 TRACK HISTORY ON v',
  );
  expect(flow).toMatchObject({
    kind: 'snapshot',
    source: { kind: 'query', query: 'select * from a.b.c where x in (1, 2)' },
    options: { keys: ['k'], stored_as_scd_type: '2', track_history_column_list: ['v'] },
  });
});

it.each([
  'CREATE VIEW v',
  'create temporary view v',
  'CREATE LIVE VIEW v',
  'CREATE OR REFRESH MATERIALIZED VIEW live.v',
  'CREATE OR REPLACE TEMP VIEW v COMMENT "c"',
])('reads %s with its query as it stands', (head) => {
  const query = 'with x as (select \';\' as a) select a, "b" from x';
  expect(read(`${head} AS ${query} -- ; no end\n;`).views).toEqual([{ name: 'v', query }]);
});

it('takes clause words for names where a name stands', () => {
  const flow = flowOf(
    'APPLY CHANGES INTO t FROM s KEYS (columns, sequence) SEQUENCE BY `columns` COLUMNS keys, stored',
  );
  expect(flow?.options).toMatchObject({
    keys: ['columns', 'sequence'],
    sequence_by: '`columns`',
    column_list: ['keys', 'stored'],
  });
});

it.each([
  ['APPLY CHANGES INTO t\nFROM s\nKEYS (id)\n  SEQUENCE x', 'line 4, column 12', '  SEQUENCE x\n           ^'],
  ['CREATE TABLE x', 'line 1, column 8', 'CREATE TABLE x\n       ^'],
  ['APPLY CHANGES INTO t FROM s KEYS id', 'line 1, column 34', '^'],
  ["APPLY CHANGES INTO t FROM s KEYS (id) SEQUENCE BY x APPLY AS DELETE WHEN op = 'x", 'line 1, column 81', '^'],
  ['APPLY CHANGES INTO t FROM s KEYS (id) SEQUENCE BY x SEQUENCE BY y', 'line 1, column 53', '^'],
  ['APPLY CHANGES INTO t FROM s KEYS (id) SEQUENCE BY', 'line 1, column 50', '^'],
])('shows the place of the mistake in %j', (text, place, mark) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'PIPELINE_SQL_SYNTAX', message: expect.stringContaining(place) }),
  );
  expect(() => read(text)).toThrow(mark);
});

it.each([
  ['APPLY CHANGES INTO t FROM s KEYS (id) SYSTEM SEQUENCE BY x', 'SYSTEM SEQUENCE BY'],
  ['APPLY CHANGES INTO t FROM s KEYS (id) SEQUENCE BY x STORED AS BITEMPORAL', 'STORED AS BITEMPORAL'],
  [
    'CREATE FLOW f AS AUTO CDC INTO t FROM SNAPSHOT (SELECT * FROM a.b.c) WITH VERSION (SELECT 1) KEYS (id)',
    'a version query',
  ],
  ['CREATE STREAMING TABLE t AS SELECT * FROM s', 'a streaming table from a query'],
  ['CREATE STREAMING TABLE t (id INT, CONSTRAINT ok EXPECT (id > 0) ON VIOLATION DROP ROW)', 'an expectation'],
])('refuses %j by name', (text, what) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'PIPELINE_FEATURE_UNSUPPORTED', message: expect.stringContaining(what) }),
  );
});

it('refuses one name for two things', () => {
  expect(() => read('CREATE STREAMING TABLE t; CREATE STREAMING TABLE T')).toThrow(
    expect.objectContaining({ code: 'PIPELINE_NAME_TWICE' }),
  );
});

it('reads a long file in no time', () => {
  const statement = 'CREATE VIEW v# AS SELECT (((((((((1))))))))) AS a, "x;y" FROM a.b.c;\n';
  const text = Array.from({ length: 1_000 }, (_, place) => statement.replace('#', String(place))).join('');
  expect(read(text).views).toHaveLength(1_000);
});
