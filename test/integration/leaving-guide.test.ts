import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, everyPostgresServer } from '../support/postgres.js';
import { runnableBlocks, statementsOf } from '../support/runnable-document.js';
import { publishByHand } from '../support/synced-table-fixture.js';

// Goal: the commands of docs/guides/leaving.md that dump do so with the rows, as they are written, and those in SQL run.

const run = promisify(execFile);
const dumpMajor = await run('pg_dump', ['--version']).then(
  ({ stdout }) => Number(/(\d+)\./.exec(stdout)?.[1]),
  () => 0,
);
const servers = everyPostgresServer()
  .filter(({ major }) => major <= dumpMajor)
  .slice(-1);
if (servers.length === 0) process.stderr.write('leaving-guide.test.ts is skipped: no pg_dump for any server\n');

describe.skipIf(servers.length === 0).each(servers)('docs/guides/leaving.md on $name', (server) => {
  it('dumps single tables and schemas with their rows, and leaves', { timeout: 120_000 }, async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const folder = mkdtempSync(path.join(tmpdir(), 'leaving-'));
    const blocks = runnableBlocks('docs/guides/leaving.md');
    const done = new Set<object>();
    const shell = async (part: string) => {
      const [block] = blocks.filter(({ language, text }) => language === 'sh' && text.includes(part));
      if (block === undefined) throw new Error(`the guide has no command with ${part}`);
      done.add(block);
      await run('bash', ['-euc', block.text], { cwd: folder, env: { ...process.env, DATABASE_URL: database.url } });
    };
    const sql = async (part: string) => {
      const [block] = blocks.filter(({ language, text }) => language === 'sql' && text.includes(part));
      if (block === undefined) throw new Error(`the guide has no statement with ${part}`);
      done.add(block);
      for (const statement of statementsOf(block.text)) await admin.query(statement);
    };
    const rowsIn = (file: string, head: RegExp) => {
      const [, rows = ''] =
        new RegExp(`^COPY ${head.source} .*\\n((?:.*\\n)*?)\\\\\\.$`, 'm').exec(
          readFileSync(path.join(folder, file), 'utf8'),
        ) ?? [];
      return rows.split('\n').filter(Boolean).length;
    };
    try {
      await admin.query(`select synced_tables.create_synced_table('gold.user_profiles', 'lake.d.t', array['id'])`);
      await admin.query(`select synced_tables.create_synced_table('gold.other', 'lake.d.t', array['id'])`);
      const sidecar = await database.connectAsSidecar();
      await publishByHand(sidecar, 'gold.user_profiles', 5);
      await publishByHand(sidecar, 'gold.other', 4);
      await sidecar.end();
      await admin.query(`comment on table gold.other is 'mine'`);

      await shell('--file=app.dump');
      await shell('--file=rows.sql');
      expect(rowsIn('rows.sql', /gold\.user_profiles/)).toBe(5);
      await shell('--file=gold.sql');
      expect([rowsIn('gold.sql', /gold\.user_profiles/), rowsIn('gold.sql', /gold\.other/)]).toEqual([5, 4]);
      // Any table of the name and columns takes the rows.
      await using elsewhere = await createTestDatabase(server);
      const plain = await elsewhere.connect();
      await plain.query('create schema gold; create table gold.user_profiles (id bigint, note text)');
      await run('psql', ['--quiet', '--set=ON_ERROR_STOP=1', `--file=${path.join(folder, 'rows.sql')}`, elsewhere.url]);
      expect((await plain.query('select from gold.user_profiles')).rowCount).toBe(5);

      await sql('CREATE SCHEMA copied');
      await run('pg_dump', ['-n', 'copied', '--no-owner', `--file=${path.join(folder, 'copied.sql')}`, database.url]);
      await run('psql', [
        '--quiet',
        '--set=ON_ERROR_STOP=1',
        `--file=${path.join(folder, 'copied.sql')}`,
        elsewhere.url,
      ]);
      expect((await plain.query('select from copied.user_profiles')).rowCount).toBe(5);
      await sql('drop_left_roles');
      await sql('pg_shdepend');

      // A deleted table is one of people: its dump is whole and needs nothing of ours.
      await sql('delete_synced_table');
      await shell('--file=user_profiles.sql');
      await plain.query('drop schema gold cascade; create schema gold');
      await run('psql', [
        '--quiet',
        '--set=ON_ERROR_STOP=1',
        `--file=${path.join(folder, 'user_profiles.sql')}`,
        elsewhere.url,
      ]);
      expect((await plain.query('select from gold.user_profiles')).rowCount).toBe(5);
      await admin.query(
        `alter table gold.user_profiles add column more int; insert into gold.user_profiles values (99, 'mine', 1)`,
      );
      await sql('uninstall_plan');
      expect((await admin.query('select from gold.user_profiles')).rowCount).toBe(6);
      expect((await admin.query('select from gold.other')).rowCount).toBe(4);
      expect(blocks.filter((block) => !done.has(block)).map(({ text }) => text)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
