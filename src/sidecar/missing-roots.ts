import { existsSync } from 'node:fs';
import path from 'node:path';
import { storagePath } from '../lake/storage/storage-url.js';
import type { Settings } from '../settings/settings-schema.js';

/** Catalogs whose folder on this machine does not exist: no reason not to start, since it may be mounted later. */
export function missingRoots({ catalogs }: Settings): { readonly catalog: string; readonly root: string }[] {
  return Object.entries(catalogs).flatMap(([catalog, settings]) => {
    if (!('root' in settings)) return [];
    const root = storagePath(settings.root, catalog);
    return path.isAbsolute(root) && !existsSync(root) ? [{ catalog, root }] : [];
  });
}
