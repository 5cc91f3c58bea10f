import { expect, it } from 'vitest';
import { syncedTablesError } from '../../../src/core/errors.js';
import { createLogger } from '../../../src/observability/logger.js';

// Goal: a log line helps and holds neither secrets nor values of rows.

function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLogger('info', { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const SECRET_URL = 'postgres://app:s3cret@db.example/app';

it('hides connection strings, tokens and passwords at any depth', () => {
  const [entry] = logged((logger) =>
    logger.info(
      { url: SECRET_URL, a: { token: 's3cret', b: [{ c: { password: 's3cret', databaseUrl: SECRET_URL } }] }, kept: 7 },
      'x',
    ),
  );
  expect(JSON.stringify(entry)).not.toContain('s3cret');
  expect(entry).toMatchObject({ url: '[hidden]', a: { token: '[hidden]' }, kept: 7, msg: 'x' });
});

it('hides credentials in texts, also in those of errors', () => {
  const [entry] = logged((logger) =>
    logger.info({ note: `tried ${SECRET_URL}`, error: new Error(`no answer from ${SECRET_URL}`) }, 'x'),
  );
  expect(JSON.stringify(entry)).not.toContain('s3cret');
  expect(entry).toMatchObject({
    note: 'tried postgres://[hidden]@db.example/app',
    error: { message: 'no answer from postgres://[hidden]@db.example/app' },
  });
});

it('shows the address of our own server', () => {
  const [entry] = logged((logger) => logger.info({ url: 'http://127.0.0.1:8080' }, 'sidecar started'));
  expect(entry?.url).toBe('http://127.0.0.1:8080');
});

it('logs the causes of our errors by type and code, not by what they quote', () => {
  const driver = Object.assign(new TypeError('invalid input syntax for type integer: "Ada Lovelace"'), {
    code: '22P02',
    detail: 'Key (id)=(Ada Lovelace)',
    where: 'COPY t, line 3, column id: "Ada Lovelace"',
  });
  const error = syncedTablesError(
    'VALUE_OUT_OF_RANGE',
    { column: 'id', table: 'lake.gold.t', type: 'integer', reason: 'invalid input', rows: '' },
    new RangeError('about Ada Lovelace', { cause: driver }),
  );
  const [entry] = logged((logger) => logger.error({ error }, 'update ended'));
  expect(JSON.stringify(entry)).not.toContain('Lovelace');
  expect(entry?.error).toMatchObject({
    type: 'SyncedTablesError',
    code: 'VALUE_OUT_OF_RANGE',
    message: error.message,
    cause: { type: 'RangeError', cause: { type: 'TypeError', code: '22P02' } },
  });
  expect(entry?.error).toHaveProperty('stack', expect.stringContaining('logger.test.ts'));
});

it.each([
  Object.assign(new Error('duplicate key (email)=(ada@example.org)'), { code: '23505' }),
  new Error('Conversion Error: Could not convert string "ada@example.org" to INT32'),
])('hides the message of an error about data: %s', (error) => {
  const [entry] = logged((logger) => logger.warn({ error }, 'goes on'));
  expect(JSON.stringify(entry)).not.toContain('ada@');
});

it('keeps the message of any other error', () => {
  const error = Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
  const [entry] = logged((logger) => logger.warn({ error }, 'goes on'));
  expect(entry?.error).toMatchObject({ code: '57P01', message: error.message });
});

it('tells of a server that is gone without stacks', () => {
  const lost = new Error('Connection terminated unexpectedly');
  const error = syncedTablesError(
    'POSTGRES_UNREACHABLE',
    { server: 'db:5432/app', reason: 'the connection was lost' },
    lost,
  );
  const [entry] = logged((logger) => logger.warn({ error }, 'goes on'));
  expect(entry?.error).toEqual({ type: 'SyncedTablesError', code: 'POSTGRES_UNREACHABLE', message: error.message });
});

it('takes what is not an error too', () => {
  const [entry] = logged((logger) => logger.warn({ error: `gone: ${SECRET_URL}` }, 'goes on'));
  expect(entry?.error).toEqual({ message: 'gone: postgres://[hidden]@db.example/app' });
});
