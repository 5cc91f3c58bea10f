import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damageReason, engineReason, engineSyntaxReason, namedFile } from '../../../src/core/reasons/engine-reason.js';
import { isRaisedByUs, postgresReason } from '../../../src/core/reasons/postgres-reason.js';
import { safeReason } from '../../../src/core/reasons/safe-reason.js';

// Goal: of an error of the engine, of Postgres, of the system or of a library, only what cannot come from a row is
// repeated, and what helps is.

const MARK = 'Ada Lovelace';

describe('errors of the engine', () => {
  let instance: DuckDBInstance;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
  });
  afterAll(() => instance.closeSync());

  async function failure(sql: string): Promise<Error> {
    const connection = await instance.connect();
    try {
      await connection.run(sql);
    } catch (error) {
      return error as Error;
    } finally {
      connection.closeSync();
    }
    throw new Error(`did not fail: ${sql}`);
  }

  const row = `from (values ('${MARK}', '{"${MARK}', 4711::bigint)) t(x, j, n)`;

  it.each([
    [`select x::integer ${row}`, 'a text cannot be converted to INT32'],
    [`select x::date ${row}`, 'a text is not a valid date'],
    [`select x::timestamp ${row}`, 'a text is not a valid timestamp'],
    [`select x::integer[] ${row}`, 'a value of type VARCHAR cannot be converted to INTEGER[]'],
    [`select x::json ${row}`, 'a text is not valid JSON'],
    [`select json_extract_string(j, '$.a') ${row}`, 'a text is not valid JSON'],
    [`select n::tinyint ${row}`, 'a value of type INT64 is out of range for INT8'],
    [`select n::decimal(4,2) ${row}`, 'a value does not fit DECIMAL(4,2)'],
    [`select n::smallint * 4711::smallint ${row}`, 'overflow in multiplication of INT16'],
    [`select strptime(x, '%Y') ${row}`, 'a text does not have the format that is asked for'],
    [
      `select date_trunc(x, date '2020-01-01') ${row}`,
      'the engine raised a Conversion error, whose text may quote rows',
    ],
    [`select error(x) ${row}`, 'the engine raised an Invalid Input error, whose text may quote rows'],
    [
      `select regexp_matches('a', x || '(') ${row}`,
      'the engine raised an Invalid Input error, whose text may quote rows',
    ],
    [`select (x || ''' to ${MARK}')::integer ${row}`, 'a text cannot be converted to INT32'],
  ])('quote no value: %s', async (sql, reason) => {
    const error = await failure(sql);
    expect(error.message).toMatch(/Ada|4711/);
    expect(engineReason(error)).toBe(reason);
    expect(safeReason(error)).toBe(reason);
  });

  it('name what a query lacks, which is no value', async () => {
    expect(engineSyntaxReason(await failure('select missing from (select 1 as id)'))).toContain('"missing" not found');
    expect(engineSyntaxReason(await failure(`select x::integer ${row}`))).toBe('a text cannot be converted to INT32');
  });

  it.each([
    [
      'Invalid Input Error: Failed to read file "/lake/a.parquet": Snappy decompression failure',
      'a page cannot be decompressed',
    ],
    [
      `Invalid Input Error: Invalid string encoding found in Parquet file "/lake/a.parquet": value "${MARK}" is not valid UTF8!`,
      'it holds text that is not UTF-8',
    ],
    [
      "Invalid Input Error: No magic bytes found at end of file '/lake/a.parquet'",
      'it does not end like a Parquet file',
    ],
  ])('name a damaged file: %s', (message, reason) => {
    expect([namedFile(new Error(message)), damageReason(new Error(message))]).toEqual(['/lake/a.parquet', reason]);
  });

  it('say what the system says of a file', () => {
    const error = new Error('IO Error: Cannot open file "/lake/a.parquet": Permission denied');
    expect([namedFile(error), engineReason(error)]).toEqual(['/lake/a.parquet', 'Permission denied']);
  });
});

describe('errors of Postgres', () => {
  const failed = (code: string, message: string, more: object = {}) =>
    Object.assign(new Error(message), { code, ...more });

  it.each([
    ['22P02', `invalid input syntax for type integer: "${MARK}"`, 'invalid input syntax for type integer: "…"'],
    ['22003', `value "${MARK}" is out of range for type bigint`, 'value "…" is out of range for type bigint'],
    [
      '22003',
      `"${MARK}" is out of range for type double precision`,
      'value "…" is out of range for type double precision',
    ],
    ['22021', 'invalid byte sequence for encoding "UTF8": 0x41 0x64 0x61', 'invalid byte sequence for encoding "UTF8"'],
    ['22P02', `invalid input value for enum mood: "${MARK}"`, 'invalid input value for enum mood: "…"'],
    ['22008', `timestamp out of range: "${MARK}"`, 'timestamp out of range'],
    ['22P02', `malformed array literal: "${MARK}"`, 'malformed array literal: "…"'],
    ['22001', 'value too long for type character varying(5)', 'value too long for type character varying(5)'],
    [
      '23505',
      'duplicate key value violates unique constraint "t_email_key"',
      'duplicate key value violates unique constraint "t_email_key"',
    ],
    ['23514', 'new row for relation "t" violates check constraint "adult"', 'a row violates check constraint "adult"'],
    ['42501', 'permission denied for table addcol', 'permission denied for table addcol'],
    [
      '53400',
      'temporary file size exceeds temp_file_limit (1024kB)',
      'temporary file size exceeds temp_file_limit (1024kB)',
    ],
    ['22000', 'expected 3 dimensions, not 4', 'expected 3 dimensions, not 4'],
    ['22023', `time zone "${MARK}" not recognized`, "SQLSTATE 22023 (data exception); see the server's log"],
    [
      '0A000',
      `unit "${MARK}" not supported for type date`,
      "SQLSTATE 0A000 (feature not supported); see the server's log",
    ],
    [
      '42704',
      `text search configuration "${MARK}" does not exist`,
      "SQLSTATE 42704 (syntax error or access rule violation); see the server's log",
    ],
  ])('repeat names and limits, and no value: %s %s', (code, message, reason) => {
    expect(postgresReason(failed(code, message))).toBe(reason);
  });

  it('repeat what is wrong with the text of a statement', () => {
    const error = failed('42703', 'column "absent" does not exist', { position: '8' });
    expect(postgresReason(error)).toBe('column "absent" does not exist');
  });

  it.each([
    'PL/pgSQL function public.audit() line 3 at RAISE',
    'SQL statement "insert into log …"\nPL/pgSQL function public.audit() line 3 at SQL statement',
    'PL/pgSQL function public.audit() line 3 at RAISE\nSQL statement "…"\nPL/pgSQL function synced_tables_internal._x() line 1 at PERFORM',
  ])('name the code of others that raised them, and repeat nothing it says: %s', (where) => {
    for (const code of ['P0001', '53400', '42501']) {
      const reason = postgresReason(failed(code, `permission denied for ${MARK}`, { where, constraint: MARK }));
      expect(reason).toContain('function public.audit() failed with SQLSTATE');
      expect(reason).not.toContain(MARK);
    }
  });

  it('trust no context that is not known', () => {
    const error = failed('57014', MARK, { where: `remote SQL command: select '${MARK}'` });
    expect(postgresReason(error)).toMatch(/^code of others failed with SQLSTATE 57014/);
  });

  it('take what our functions raise for ours, and what says so of itself not', () => {
    const raisedBy = (where: string) => isRaisedByUs(failed('P0001', 'x', { where }));
    expect(raisedBy('PL/pgSQL function synced_tables_internal._raise(text) line 3 at RAISE')).toBe(true);
    expect(raisedBy('PL/pgSQL function public.f() line 3 at RAISE\nPL/pgSQL function synced_tables.x() line 1')).toBe(
      false,
    );
  });
});

describe('other errors', () => {
  it('repeat what the system says, and no more than the kind of errors of libraries', () => {
    const system = Object.assign(new Error("EACCES: permission denied, scandir '/lake/t'"), {
      code: 'EACCES',
      syscall: 'scandir',
    });
    expect(safeReason(system)).toBe("EACCES: permission denied, scandir '/lake/t'");
    expect(() => JSON.parse(`{"a": ${MARK}}`)).toThrow();
    const parsing = (() => {
      try {
        return JSON.parse(`{"a": ${MARK}}`) as never;
      } catch (error) {
        return error;
      }
    })();
    expect(safeReason(parsing)).toBe('SyntaxError');
    expect(safeReason(Object.assign(new Error(MARK), { code: 'ERR_INVALID_ARG_VALUE' }))).toBe(
      'Error (ERR_INVALID_ARG_VALUE)',
    );
    expect(safeReason(MARK)).not.toContain(MARK);
  });
});
