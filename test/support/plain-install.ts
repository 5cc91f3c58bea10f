import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { ensureBuilt } from './ensure-built.js';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * Makes `folder` what `npm install synced-tables` gives: the product with the packages that it depends on, and none of
 * those that are optional or for development.
 */
export async function layOutPlainInstall(folder: string): Promise<void> {
  await ensureBuilt();
  for (const name of ['package.json', 'bin', 'dist']) {
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  for (const name of ['sql', 'examples']) symlinkSync(path.join(root, name), path.join(folder, name));
  for (const place of installedPackages()) {
    mkdirSync(path.dirname(path.join(folder, place)), { recursive: true });
    symlinkSync(path.join(root, place), path.join(folder, place));
  }
}

/** Folders such as node_modules/pg, without those inside other packages, which come along with them. */
function installedPackages(): string[] {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { dev?: true; optional?: true; devOptional?: true; peer?: true }>>;
  };
  return Object.entries(lock.packages)
    .filter(([place, { dev, optional, devOptional }]) => place !== '' && !dev && !optional && !devOptional)
    .map(([place]) => place)
    .filter((place) => place.lastIndexOf('node_modules/') === 0);
}
