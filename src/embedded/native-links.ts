import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, symlink } from 'node:fs/promises';
import path from 'node:path';

interface NativeLink {
  /** The file that exists; both paths start with "native/", whatever the folder's present name. */
  readonly source: string;
  /** The link to make. */
  readonly target: string;
}

/**
 * Makes the symbolic links that the package lists in pg-symlinks.json. An npm archive cannot hold links, and npm may
 * refuse the install script that would make them, so the libraries lack the names that the server looks for.
 * Safe to repeat and to run in several processes at once; writes nothing when all links are there.
 * @throws the file system's error (EROFS, EACCES) when a link is missing and the folder cannot be written
 */
export async function makeNativeLinks(nativeDir: string): Promise<void> {
  const listed = JSON.parse(await readFile(path.join(nativeDir, 'pg-symlinks.json'), 'utf8')) as NativeLink[];
  for (const { source, target } of listed) {
    const sourcePath = path.join(nativeDir, path.relative('native', source));
    const targetPath = path.join(nativeDir, path.relative('native', target));
    if (await isThere(targetPath)) continue;
    const unfinished = `${targetPath}.${randomBytes(6).toString('hex')}.tmp`;
    await symlink(path.relative(path.dirname(targetPath), sourcePath), unfinished);
    // rename replaces a dangling link too, and two processes that race put the same link in place.
    await rename(unfinished, targetPath);
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
