import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The extension's files beside the migrations; found from both src and dist. */
const sourceDir = fileURLToPath(new URL('../../sql/databricks_auth/', import.meta.url));

/** Errors of folders that cannot be written: CREATE EXTENSION is then impossible, and the migrations do its work. */
const closedFolder: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT']);

/**
 * Puts the files of the extension databricks_auth where the server looks for them. Safe to repeat and in several
 * processes at once; writes nothing if they are there.
 * @param shareDir what pg_config calls SHAREDIR
 * @returns false if the folder cannot be written
 */
export async function placeExtensionFiles(shareDir: string): Promise<boolean> {
  try {
    for (const name of await readdir(sourceDir)) {
      const text = await readFile(path.join(sourceDir, name), 'utf8');
      const target = path.join(shareDir, 'extension', name);
      if ((await readFile(target, 'utf8').catch(() => null)) !== text) await writeWhole(target, text);
    }
    return true;
  } catch (error) {
    if (closedFolder.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function writeWhole(target: string, text: string): Promise<void> {
  const unfinished = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(unfinished, text, { mode: 0o644 });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
