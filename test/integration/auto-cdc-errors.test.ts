import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { readPipeline } from '../../src/flows/declare/read-pipeline.js';
import { declareBy, type Surface } from '../support/flow-surfaces.js';
import { flowVectors } from '../support/flow-vectors.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: every code of docs/reference/auto-cdc.md#when-errors-are-raised is raised at its phase and says what is wrong, in
// psql and in a pipeline file alike. `define`: when it is declared. `update`: by the update, before or while it reads.

interface Case {
  readonly code: string;
  readonly phase: 'define' | 'update';
  readonly says: RegExp;
  readonly options: Readonly<Record<string, unknown>>;
  /** Columns of the source; those of PLAIN if left out. */
  readonly columns?: string;
  readonly events?: string;
  /** Where a file says it in other words. */
  readonly inFile?: string;
}

const PLAIN = 'id int, a text, b text, op text, seq bigint, cols text[]';
const by = { keys: ['id'], sequence_by: 'seq' };
const history = { ...by, stored_as_scd_type: 2 };

const CASES: readonly Case[] = [
  { code: 'AUTOCDC_EMPTY_KEYS', phase: 'define', says: /has no keys/, options: { ...by, keys: [] } },
  { code: 'AUTOCDC_MISSING_SEQUENCE_BY', phase: 'define', says: /later one/, options: { keys: ['id'] } },
  {
    code: 'AUTOCDC_MULTIPART_COLUMN_IDENTIFIER',
    phase: 'define',
    says: /src\.id in keys/,
    options: { ...by, keys: ['src.id'] },
  },
  {
    code: 'AUTOCDC_MULTIPART_COLUMN_IDENTIFIER',
    phase: 'define',
    says: /t\.a in column_list/,
    options: { ...by, column_list: ['id', 't.a'] },
  },
  {
    code: 'AUTOCDC_NON_COLUMN_IDENTIFIER',
    phase: 'define',
    says: /id \+ 1 in keys/,
    options: { ...by, keys: ['id + 1'] },
  },
  {
    code: 'AUTOCDC_BOTH_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST',
    phase: 'define',
    says: /column_list/,
    options: { ...by, column_list: ['id'], except_column_list: ['a'] },
    inFile: 'PIPELINE_SQL_SYNTAX',
  },
  {
    code: 'AUTOCDC_BOTH_TRACK_HISTORY_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST',
    phase: 'define',
    says: /track_history_column_list/,
    options: { ...history, track_history_column_list: ['a'], track_history_except_column_list: ['b'] },
    inFile: 'PIPELINE_SQL_SYNTAX',
  },
  {
    code: 'AUTOCDC_TRACK_HISTORY_REQUIRES_SCD2',
    phase: 'define',
    says: /SCD type 1/,
    options: { ...by, track_history_column_list: ['a'] },
  },
  {
    code: 'AUTOCDC_CONFLICTING_IGNORE_NULL_UPDATES_OPTIONS',
    phase: 'define',
    says: /more than one of/,
    options: { ...by, ignore_null_updates: true, ignore_null_updates_column_list: ['a'] },
    inFile: 'PIPELINE_SQL_SYNTAX',
  },
  {
    code: 'AUTOCDC_IGNORE_NULL_EMPTY_COLUMN_LIST',
    phase: 'define',
    says: /empty list/,
    options: { ...by, ignore_null_updates_column_list: [] },
  },
  {
    code: 'AUTOCDC_COLUMNS_TO_UPDATE_CONFLICT',
    phase: 'define',
    says: /both columns_to_update/,
    options: { ...by, columns_to_update: 'cols', ignore_null_updates: true },
  },
  {
    code: 'AUTOCDC_COLUMNS_TO_UPDATE_TYPE',
    phase: 'define',
    says: /Column a, .* has type text/,
    options: { ...by, columns_to_update: 'A' },
  },
  {
    code: 'AUTOCDC_TRUNCATE_REQUIRES_SCD1',
    phase: 'define',
    says: /SCD type 2/,
    options: { ...history, apply_as_truncates: "op = 'T'" },
  },
  { code: 'AUTOCDC_INVALID_SCD_TYPE', phase: 'define', says: /SCD type 3/, options: { ...by, stored_as_scd_type: 3 } },
  {
    code: 'AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA',
    phase: 'update',
    says: /column_list names .*: zzz\. Available: id, a/,
    options: { ...by, column_list: ['id', 'zzz'] },
  },
  {
    code: 'AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA',
    phase: 'update',
    says: /track_history_column_list .*: b/,
    options: { ...history, except_column_list: ['b'], track_history_column_list: ['b'] },
  },
  {
    code: 'AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA',
    phase: 'update',
    says: /ignore_null_updates_column_list .*: id/,
    options: { ...by, ignore_null_updates_column_list: ['id'] },
  },
  {
    code: 'AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA',
    phase: 'update',
    says: /in an event .*whole batch was rejected.*: 1 name; see failing_keys \(1 key\)\./,
    options: { ...by, columns_to_update: 'cols' },
    events: `(1, 'a', 'b', 'U', 1, '{a}'), (2, 'a', 'b', 'U', 1, '{nope}')`,
  },
  { code: 'AUTOCDC_KEY_NOT_IN_SELECTED_SCHEMA', phase: 'update', says: /key nope/, options: { ...by, keys: ['nope'] } },
  {
    code: 'AUTOCDC_KEY_NOT_IN_SELECTED_SCHEMA',
    phase: 'update',
    says: /key id/,
    options: { ...by, column_list: ['a'] },
  },
  {
    code: 'AUTOCDC_RESERVED_COLUMN_NAME_CONFLICT',
    phase: 'update',
    says: /__START_AT/,
    options: history,
    columns: 'id int, seq bigint, "__START_AT" bigint',
  },
  {
    code: 'AUTOCDC_RESERVED_COLUMN_NAME_PREFIX_CONFLICT',
    phase: 'update',
    says: /__autocdc_x/,
    options: by,
    columns: 'id int, seq bigint, __autocdc_x int',
  },
  {
    code: 'AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE',
    phase: 'update',
    says: /values have no order/,
    options: by,
    columns: 'id int, seq json',
  },
  {
    code: 'AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE',
    phase: 'update',
    says: /type inet, whose values have no order/,
    options: by,
    columns: 'id int, seq inet',
  },
  {
    code: 'AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE',
    phase: 'update',
    says: /^2 events/,
    options: by,
    events: `(1, 'a', 'b', 'U', null, null), (2, 'a', 'b', 'D', null, null), (3, 'a', 'b', 'U', 1, null)`,
  },
  {
    code: 'AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY',
    phase: 'update',
    says: /"id": 1/,
    options: by,
    events: `(null, 'a', 'b', 'U', 1, null), (3, 'a', 'b', 'U', 1, null)`,
  },
];

const SURFACES = ['psql', 'file'] as const satisfies readonly Surface[];
const [server] = postgresServers().slice(-1);
if (server === undefined) throw new Error('no server');

describe(`errors of flows on ${server.name}`, () => {
  let lake: SyncedLake;
  let tables = 0;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  /** The code and message that an attempt ends with, wherever they come from. */
  async function errorOf(attempt: () => Promise<unknown>): Promise<{ code: string; message: string } | null> {
    try {
      await attempt();
      return null;
    } catch (error) {
      const known = asSyncedTablesError(error);
      if (known) return { code: known.code, message: known.message };
      const { detail = '', message } = error as { detail?: string; message: string };
      return { code: detail.replace(/^error code: /, ''), message };
    }
  }

  const each = SURFACES.flatMap((surface) => CASES.map((one, nth) => ({ ...one, surface, nth })));
  it.each(each)(
    '$surface: $code at $phase ($nth)',
    async ({ surface, ...one }) => {
      const source = `public.source_${++tables}`;
      const target = `public.target_${tables}`;
      await lake.admin.query(`create table ${source} (${one.columns ?? PLAIN})`);
      if (one.events !== undefined) await lake.admin.query(`insert into ${source} values ${one.events}`);
      const declared = await errorOf(() => declareBy(surface, lake.admin, { target, source, options: one.options }));
      const inFile = surface === 'file' ? one.inFile : undefined;
      if (one.phase === 'define') {
        expect(declared).toEqual({
          code: inFile ?? one.code,
          message: inFile ? expect.any(String) : expect.stringMatching(one.says),
        });
        return;
      }
      expect(declared).toBeNull();
      const ended = await errorOf(() => lake.sync(target));
      expect(ended).toEqual({ code: one.code, message: expect.stringMatching(one.says) });
      // The whole batch is rejected: there is nothing to read, or no table at all.
      const made = await lake.value('select to_regclass($1)', [target]);
      if (made !== null) expect(await lake.value(`select count(*) from ${target}`)).toBe('0');
    },
    60_000,
  );

  it('a missing source is told by its code', async () => {
    await lake.admin.query(`select synced_tables.create_streaming_table('public.nowhere')`);
    const attempts = [
      () => lake.admin.query(`select synced_tables.apply_changes('public.nowhere', '', array['id'], 'seq')`),
      async () => readPipeline('CREATE STREAMING TABLE t; APPLY CHANGES INTO t KEYS (id) SEQUENCE BY seq', 'f.sql'),
      () => declareBy('program', lake.admin, { target: 'public.t', source: '', options: by }),
    ];
    const codes = await Promise.all(attempts.map(errorOf));
    expect(codes.map((found) => found?.code)).toEqual([
      'AUTOCDC_MISSING_SOURCE',
      'AUTOCDC_MISSING_SOURCE',
      'AUTOCDC_MISSING_SOURCE',
    ]);
  });

  it('state that was made otherwise is told at the start of an update, and can be made anew', async () => {
    await lake.admin.query(
      `create table public.drift_events (${PLAIN}); insert into public.drift_events values (1, 'a', 'b', 'U', 1, null)`,
    );
    await lake.admin.query(`select synced_tables.create_streaming_table('public.drift')`);
    const declare = (options: string) =>
      lake.admin.query(`select synced_tables.apply_changes('public.drift', 'public.drift_events', ${options})`);
    const first = `array['id'], 'seq', stored_as_scd_type => 2`;
    await declare(first);
    await lake.sync('public.drift');
    const drifts: [string, string, RegExp][] = [
      [
        `array['id', 'a'], 'seq', stored_as_scd_type => 2`,
        'KEY_SCHEMA_DRIFT',
        /keys "id" integer; the flow now has "id" integer, "a" text/,
      ],
      [`array['id'], 'a', stored_as_scd_type => 2`, 'SEQUENCING_TYPE_DRIFT', /bigint; the flow now has text/],
      [`array['id'], 'seq'`, 'SCD_TYPE_DRIFT', /type 2; the flow now has type 1/],
      [`${first}, track_history_column_list => array['a']`, 'TRACK_HISTORY_DRIFT', /now tracks a\b/],
    ];
    for (const [options, code, says] of drifts) {
      await declare(options);
      const ended = await errorOf(() => lake.sync('public.drift'));
      expect(ended).toEqual({ code: `AUTOCDC_INVALID_STATE.${code}`, message: expect.stringMatching(says) });
    }
    // Another expression of the same type is no drift.
    await declare(`array['id'], 'seq * 2', stored_as_scd_type => 2`);
    await lake.sync('public.drift');
    await declare(`array['id'], 'seq'`);
    await lake.sync('public.drift', true);
    expect(await lake.rows('public.drift', ['id', 'a'])).toEqual([['1', 'a']]);
  }, 60_000);

  it('flows that disagree about their table are told before either is read', async () => {
    await lake.admin.query(`create table public.agree (${PLAIN})`);
    await lake.admin.query(`select synced_tables.create_streaming_table('public.both')`);
    const declare = (call: string) => lake.admin.query(`select synced_tables.${call}`);
    await declare(`apply_changes('public.both', 'public.agree', array['id'], 'seq', name => 'one')`);
    await declare(`apply_changes('public.both', 'public.agree', array['id', 'a'], 'seq', name => 'two')`);
    expect(await errorOf(() => lake.sync('public.both'))).toEqual({
      code: 'AUTOCDC_MULTIPLE_FLOWS_TO_TARGET',
      message: expect.stringMatching(/one and two .* different keys/),
    });
    await declare(`apply_changes_from_snapshot('public.both', 'public.agree', array['id'], name => 'two')`);
    expect((await errorOf(() => lake.sync('public.both')))?.code).toBe(
      'APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE',
    );
  }, 60_000);

  const definitions = SURFACES.flatMap((surface) =>
    (flowVectors()?.errors ?? [])
      .filter(({ api }) => api === 'apply_changes')
      .map((vector) => ({ surface, ...vector })),
  );
  it.each(definitions)(
    '$surface: vector $name',
    async ({ surface, columns, options, expect_definition_error: code }) => {
      const source = `public.source_${++tables}`;
      const target = `public.target_${tables}`;
      await lake.admin.query(
        `create table ${source} (${columns.map(([name, type]) => `"${name}" ${type}`).join(', ')})`,
      );
      const ended = await errorOf(async () => {
        await declareBy(surface, lake.admin, { target, source, options });
        await lake.sync(target);
      });
      const isTwice = /BOTH|CONFLICTING/.test(code) && surface === 'file';
      expect(ended?.code).toBe(isTwice ? 'PIPELINE_SQL_SYNTAX' : code);
    },
    60_000,
  );
});
