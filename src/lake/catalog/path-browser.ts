import { asSyncedTablesError } from '../../core/errors.js';
import type { Browsed, BrowsePage, SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isSourceNamePart } from '../../core/source-name.js';
import { describeDeltaTable } from '../delta/snapshot/delta-description.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { isIcebergFolder, metadataFolder } from '../iceberg/metadata/locate-metadata.js';
import { readMetadata } from '../iceberg/metadata/read-metadata.js';
import { describeIcebergTable } from '../iceberg/snapshot/iceberg-details.js';
import { entryOrder, type FileEntry, type FileStore } from '../storage/file-store.js';
import { isStorageUrl } from '../storage/storage-url.js';
import { sourceTableOf, type TableDescription } from './described-table.js';
import { requireFaultOfTable } from './table-fault.js';

export interface PathBrowserOptions {
  /** Name of the catalog in the settings. */
  readonly catalog: string;
  readonly engine: Engine;
  readonly allowOutsidePaths: boolean;
  /** @throws STORAGE_URL_INVALID */
  readonly openRoot: () => { readonly root: string; readonly store: FileStore };
}

type TableFormat = 'DELTA' | 'ICEBERG';

interface FoundTable {
  readonly schema: string;
  readonly table: string;
  readonly format: TableFormat;
}

/** How many entries of a folder one page examines: few of them may be tables. */
const ENTRIES_PER_PAGE = 400;
const LOOKS_AT_ONCE = 16;
/** Reading a log takes milliseconds, or seconds in a slow store: a page ends once its logs have taken this long. */
const LOGS_MS_MAX = 5_000;

/** Browses a folder: each folder in it is a schema, and each folder below that with a Delta log or Iceberg metadata is a table. */
export function pathBrowser({ catalog, engine, allowOutsidePaths, openRoot }: PathBrowserOptions): SourceBrowser {
  const place = (...names: readonly string[]) => {
    const { root, store } = openRoot();
    return { store, folder: [root === '/' ? '' : root, ...names].join('/') || '/' };
  };
  /** Null for a folder that is none of a table. */
  const formatOf = async (schema: string, table: string): Promise<TableFormat | null> => {
    const { store, folder } = place(schema, table);
    if (await hasOwnFolder(store, `${folder}/_delta_log`)) return 'DELTA';
    const isIceberg = (await hasOwnFolder(store, metadataFolder(folder))) && (await isIcebergFolder(store, folder));
    return isIceberg ? 'ICEBERG' : null;
  };
  const describe = async (found: FoundTable, wants: { readonly columns: boolean }) => {
    const { schema, table, format } = found;
    const { store, folder } = place(schema, table);
    const named = { store, root: folder, tableName: `${catalog}.${schema}.${table}` };
    const read = async (): Promise<TableDescription> => {
      if (format === 'DELTA') return describeDelta({ ...named, engine });
      return describeIcebergTable({ ...named, allowOutsidePaths, load: () => readMetadata(folder, named) });
    };
    return sourceTableOf({ ...found, location: urlOf(folder), description: wants.columns ? await read() : null });
  };

  return {
    schemas(page) {
      const { store, folder } = place();
      // A link to a folder is not listed as a folder itself.
      const isWanted = async ({ name, isFolder }: FileEntry) => isFolder || hasOwnFolder(store, `${folder}/${name}`);
      return readNames({ store, folder, page, isWanted });
    },
    async hasSchema(schema) {
      const { store, folder } = place(schema);
      return isSourceNamePart(schema) && (await hasOwnFolder(store, folder));
    },
    async tables(schema, { columns, ...page }) {
      if (!isSourceNamePart(schema)) return { items: [], next: null };
      const formats = new Map<string, TableFormat>();
      const isWanted = async ({ name }: FileEntry) => {
        const format = await formatOf(schema, name);
        if (format !== null) formats.set(name, format);
        return format !== null;
      };
      const names = await readNames({ ...place(schema), page, isWanted });
      const tables: SourceTable[] = [];
      const startedAt = performance.now();
      for (const name of names.items) {
        if (performance.now() - startedAt > LOGS_MS_MAX) return { items: tables, next: `${tables.at(-1)?.table}/` };
        const found = { schema, table: name, format: formats.get(name) ?? 'DELTA' };
        tables.push(await describe(found, { columns }).catch((error) => describe(found, mended(error))));
      }
      return { items: tables, next: names.next };
    },
    async table(schema, table, wants) {
      if (!isSourceNamePart(schema) || !isSourceNamePart(table)) return null;
      const format = await formatOf(schema, table);
      return format === null ? null : describe({ schema, table, format }, wants);
    },
  };
}

/** Whether there is a folder. One to which a link leads out of the catalog is none of it. */
function hasOwnFolder(store: FileStore, folder: string): Promise<boolean> {
  return store.hasFolder(folder).catch((error: unknown) => {
    if (asSyncedTablesError(error)?.code !== 'SOURCE_PATH_OUTSIDE') throw error;
    return false;
  });
}

function mended(error: unknown): { readonly columns: false } {
  requireFaultOfTable(error);
  return { columns: false };
}

/** One page of the wanted names in a folder that are valid source names. */
async function readNames(options: {
  readonly store: FileStore;
  readonly folder: string;
  readonly page: BrowsePage;
  readonly isWanted: (entry: FileEntry) => Promise<boolean>;
}): Promise<Browsed<string>> {
  const { store, folder, page, isWanted } = options;
  const entries = (await store.list(folder, page.token ?? '', ENTRIES_PER_PAGE)) ?? [];
  const items: string[] = [];
  let looked = 0;
  while (looked < entries.length && items.length < page.size) {
    const some = entries.slice(looked, looked + Math.min(LOOKS_AT_ONCE, page.size - items.length));
    looked += some.length;
    const judged = await Promise.all(
      some.map(async (entry) => isSourceNamePart(entry.name) && (await isWanted(entry))),
    );
    items.push(...some.filter((_, index) => judged[index]).map(({ name }) => name));
  }
  const last = entries[looked - 1];
  const isAll = looked === entries.length && entries.length < ENTRIES_PER_PAGE;
  return { items, next: isAll || last === undefined ? null : entryOrder(last) };
}

async function describeDelta(options: Parameters<typeof describeDeltaTable>[0]): Promise<TableDescription> {
  const { configuration: properties, ...described } = await describeDeltaTable(options);
  return { ...described, properties };
}

function urlOf(folder: string): string {
  return isStorageUrl(folder) ? folder : `file://${folder.split('/').map(encodeURIComponent).join('/')}`;
}
