import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrationsDir } from '../../src/postgres/migration-files.js';

/** The migrations as they were before the one of that name was added, in a folder of their own. */
export async function migrationsBefore(name: string): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'synced-tables-migrations-'));
  const files = (await readdir(migrationsDir)).filter((file) => file.endsWith('.sql'));
  const added = Number.parseInt(files.find((file) => file.endsWith(`_${name}.sql`)) ?? '', 10);
  for (const file of files) {
    if (Number.parseInt(file, 10) < added) await copyFile(path.join(migrationsDir, file), path.join(dir, file));
  }
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}
