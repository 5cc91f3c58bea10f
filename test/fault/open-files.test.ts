import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { syncedTablesError } from '../../src/core/errors.js';
import { ensureBuilt } from '../support/ensure-built.js';

// Goal: whoever has too few open files is told that, and not that a file of the source, a server or the installation is
// at fault.

const PROGRAM = path.resolve(import.meta.dirname, '../../bin/synced-tables.cjs');

/** It has no log but a checkpoint, which must not be blamed. */
const TABLE = path.resolve(import.meta.dirname, '../fixtures/delta/deltalake-checkpoint-only/table');

/** Runs a program of Node under a limit of open files. */
async function runUnder(limit: number, args: readonly string[], cwd: string) {
  await ensureBuilt();
  const command = ['-c', `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath, ...args];
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, SYNCED_TABLES_LAKE: cwd };
  return promisify(execFile)('sh', command, { cwd, env, timeout: 150_000 }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, end: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => ({ ...error, end: error.code }),
  );
}

describe('the limit of open files', () => {
  it.each([24, 32, 48, 64, 96])('of %i is told when the program cannot even be loaded', async (limit) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'test-files-'));
    try {
      const { stderr, end } = await runUnder(limit, [PROGRAM, 'serve'], folder);
      const reason = `only ${limit} are allowed, and starting takes more`;
      const { message, remedy } = syncedTablesError('OPEN_FILES_LIMIT', { reason });
      expect({ stderr, end }).toEqual({ stderr: `OPEN_FILES_LIMIT: ${message} ${remedy}\n`, end: 1 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is told whatever is being opened when it is reached, and no longer once there is room', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'test-files-'));
    try {
      cpSync(TABLE, path.join(folder, 'o/t'), { recursive: true });
      const child = path.join(import.meta.dirname, 'open-files.child.mjs');
      const { stdout, stderr, end } = await runUnder(400, [child, folder, path.join(folder, 'scratch')], folder);
      expect({ stderr, end }).toEqual({ stderr: '', end: 0 });
      const steps = JSON.parse(stdout) as Record<string, string>[];
      const wanted: Record<string, string> = { read: '20', copy: '1 true', connect: 'POSTGRES_UNREACHABLE' };
      for (const [kind, done] of Object.entries(wanted)) {
        const said = steps.map((step) => step[kind]);
        expect(said.filter((each) => each !== 'OPEN_FILES_LIMIT' && each !== done)).toEqual([]);
        expect([said[0], said.at(-1)]).toEqual(['OPEN_FILES_LIMIT', done]);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
