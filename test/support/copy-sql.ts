import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sqlDir } from '../../src/postgres/install/migration-files.js';

/** A copy of sql/ that a test may change. */
export async function copySql(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'synced-tables-sql-'));
  await cp(sqlDir, dir, { recursive: true });
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}
