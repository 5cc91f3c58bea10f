import { syncedTablesError } from '../../core/errors.js';

/**
 * Loads the package of an object store that is not part of a plain install.
 * @throws OBJECT_STORE_CLIENT_MISSING naming what to install
 */
export async function loadClient<Module>(
  load: () => Promise<Module>,
  needed: { readonly packages: string; readonly url: string },
): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw syncedTablesError('OBJECT_STORE_CLIENT_MISSING', needed, error);
  }
}
