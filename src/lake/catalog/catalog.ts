import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import type { SourceBrowser } from '../../core/source-browser.js';
import { parseSourceName } from '../../core/source-name.js';
import type { LakeTable } from '../lake-table.js';

/** Resolves names of source tables: in a folder, on a Unity Catalog server … */
export interface Catalog {
  /** @throws SOURCE_TABLE_NOT_FOUND if there is no such table */
  open(name: TableName): Promise<LakeTable>;
  /**
   * Checks whether tables can be looked up at all.
   * @param name of the catalog in the settings, for messages
   * @throws CATALOG_ROOT_MISSING, and what `open` throws for a store or a server that does not answer
   */
  probe(name: string): Promise<void>;
  /** @param name of the catalog in the settings, for messages */
  browser(name: string): SourceBrowser;
}

/** All configured catalogs by name. */
export class CatalogSet {
  readonly #catalogs: ReadonlyMap<string, Catalog>;

  constructor(catalogs: ReadonlyMap<string, Catalog>) {
    this.#catalogs = catalogs;
  }

  /**
   * Finds a source table by its full name.
   * @throws SOURCE_NAME_INVALID, CATALOG_NOT_FOUND, SOURCE_TABLE_NOT_FOUND
   */
  async open(fullName: string): Promise<LakeTable> {
    const name = parseSourceName(fullName);
    const catalog = this.#catalogs.get(name.catalog);
    if (!catalog) {
      throw syncedTablesError('CATALOG_NOT_FOUND', {
        catalog: name.catalog,
        table: fullName,
        configured: this.names().join(', ') || 'none',
      });
    }
    return catalog.open(name);
  }

  /** Their names. */
  names(): readonly string[] {
    return [...this.#catalogs.keys()];
  }

  /** The browser of a catalog; null if no catalog has that name. */
  browser(name: string): SourceBrowser | null {
    return this.#catalogs.get(name)?.browser(name) ?? null;
  }

  /** The catalogs that do not answer, each with its error. */
  async probe(): Promise<ReadonlyMap<string, unknown>> {
    const failures = new Map<string, unknown>();
    await Promise.all(
      [...this.#catalogs].map(([name, catalog]) => {
        return catalog.probe(name).catch((error: unknown) => failures.set(name, error));
      }),
    );
    return failures;
  }
}
