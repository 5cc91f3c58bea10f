import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';

// Goal: the examples of examples/auto-cdc run as their README says, and give the tables of the documentation.

const folder = path.resolve(import.meta.dirname, '../../examples/auto-cdc');
const users = path.join(folder, 'users.sql');
const config = path.join(folder, 'synced-tables.yaml');

describe.each(eitherPostgresServer(import.meta.url))('examples/auto-cdc on $name', (server) => {
  let database: MigratedDatabase;
  beforeAll(async () => {
    database = await createMigratedDatabase(server);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
  });

  const rows = async (table: string, columns: string): Promise<string[]> => {
    const { rows: found } = await database.admin.query<string[]>({
      text: `select concat_ws(' ', ${columns}) from public.${table} order by 1`,
      rowMode: 'array',
    });
    return found.map(([row]) => row ?? '');
  };

  it('runs the SQL file', async () => {
    const environment = { DATABASE_URL: database.url };
    const run = await runCliJson(['pipeline', 'run', users, '--config', config], environment);
    expect(run).toMatchObject({
      tables: [
        { table: 'public.users_current', num_upserted_rows: 3, num_deleted_rows: 0 },
        { table: 'public.users_truncated', num_upserted_rows: 1, num_deleted_rows: 0 },
        { table: 'public.users_history', num_upserted_rows: 7, num_deleted_rows: 0 },
        { table: 'public.users_history_but_city', num_upserted_rows: 4, num_deleted_rows: 0 },
      ],
    });
    expect(await rows('users_current', '"userId", name, city')).toEqual([
      '124 Raul Oaxaca',
      '125 Mercedes Guadalajara',
      '126 Lily Cancun',
    ]);
    expect(await rows('users_truncated', '"userId", name, city')).toEqual(['125 Mercedes Guadalajara']);
    const history = `"userId", name, city, "__START_AT", coalesce("__END_AT"::text, 'null')`;
    expect(await rows('users_history', history)).toEqual([
      '123 Isabel Chihuahua 5 6',
      '123 Isabel Monterrey 1 5',
      '124 Raul Oaxaca 1 null',
      '125 Mercedes Guadalajara 6 null',
      '125 Mercedes Mexicali 5 6',
      '125 Mercedes Tijuana 2 5',
      '126 Lily Cancun 2 null',
    ]);
    expect(await rows('users_history_but_city', history)).toEqual([
      '123 Isabel Chihuahua 1 6',
      '124 Raul Oaxaca 1 null',
      '125 Mercedes Guadalajara 2 null',
      '126 Lily Cancun 2 null',
    ]);
    const again = await runCliJson(['pipeline', 'run', users, '--config', config], environment);
    const { tables } = again as { tables: Record<string, unknown>[] };
    expect(tables.map((table) => table.num_upserted_rows ?? 0)).toEqual([0, 0, 0, 0]);
    const anew = await runCliJson(['pipeline', 'run', users, '--config', config, '--full-refresh'], environment);
    expect(anew).toMatchObject({ tables: [{ num_upserted_rows: 3 }, {}, { num_upserted_rows: 7 }, {}] });
  });

  it('runs the program with snapshots, and again without a change', async () => {
    for (const _ of ['first', 'again']) {
      await runProgram(path.join(folder, 'snapshots.mjs'), { DATABASE_URL: database.url });
      const columns = `"Key", "TrackingCol", "NonTrackingCol", "__START_AT", coalesce("__END_AT"::text, 'null')`;
      expect(await rows('snapshot_history', columns)).toEqual([
        '1 A1 B1 の 1 2',
        '2 A2の B2 の 1 2',
        '2 a2_new B2 の 2 null',
        '3 A3の B3の 2 null',
        '4 A4 b4_new 1 null',
      ]);
    }
  });

  it('shows the place of a mistake', async () => {
    const wrong = path.join(import.meta.dirname, '../fixtures/wrong-pipeline.sql');
    const result = await runCli(['pipeline', 'run', wrong, '--config', config], { DATABASE_URL: database.url });
    expect(result.end).toBe(1);
    expect(result.stderr).toContain('PIPELINE_SQL_SYNTAX: wrong-pipeline.sql, line 5, column 10:');
    expect(result.stderr).toContain('\nSEQUENCE sequenceNum\n         ^\n');
  });
});

function runProgram(file: string, environment: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}: ${stderr}`))));
  });
}
