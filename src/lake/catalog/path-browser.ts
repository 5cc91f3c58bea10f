import { asSyncedTablesError } from '../../core/errors.js';
import { isSourceNamePart } from '../../core/names.js';
import type { Browsed, BrowsePage, SourceBrowser, SourceColumn, SourceTable } from '../../core/source-browser.js';
import { type DeltaDescription, describeDeltaTable } from '../delta/snapshot/delta-description.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { entryOrder, type FileEntry, type FileStore } from '../storage/file-store.js';
import { isStorageUrl } from '../storage/storage-url.js';
import { unityTypeOf } from './unity-type.js';

export interface PathBrowserOptions {
  /** Name of the catalog in the settings. */
  readonly catalog: string;
  readonly engine: Engine;
  /** @throws STORAGE_URL_INVALID */
  readonly openRoot: () => { readonly root: string; readonly store: FileStore };
}

/** How many entries of a folder one page examines: few of them may be tables. */
const ENTRIES_PER_PAGE = 400;
const LOOKS_AT_ONCE = 16;
/** Reading a log takes milliseconds, or seconds in a slow store: a page ends once its logs have taken this long. */
const LOGS_MS_MAX = 5_000;

/** Browses a folder: each folder in it is a schema, and each folder below that with a Delta log is a table. */
export function pathBrowser({ catalog, engine, openRoot }: PathBrowserOptions): SourceBrowser {
  const place = (...names: readonly string[]) => {
    const { root, store } = openRoot();
    return { store, folder: [root === '/' ? '' : root, ...names].join('/') || '/' };
  };
  const isTable = (schema: string, table: string) => {
    const { store, folder } = place(schema, table);
    return hasOwnFolder(store, `${folder}/_delta_log`);
  };
  const describe = async (schema: string, table: string, wants: { readonly columns: boolean }) => {
    const { store, folder } = place(schema, table);
    const tableName = `${catalog}.${schema}.${table}`;
    const found = wants.columns ? await describeDeltaTable({ store, root: folder, tableName, engine }) : null;
    return sourceTableOf({ schema, table, folder, found });
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
      const names = await readNames({ ...place(schema), page, isWanted: ({ name }) => isTable(schema, name) });
      const tables: SourceTable[] = [];
      const startedAt = performance.now();
      for (const name of names.items) {
        if (performance.now() - startedAt > LOGS_MS_MAX) return { items: tables, next: `${tables.at(-1)?.table}/` };
        tables.push(await describe(schema, name, { columns }).catch((error) => describe(schema, name, mended(error))));
      }
      return { items: tables, next: names.next };
    },
    async table(schema, table, wants) {
      if (!isSourceNamePart(schema) || !isSourceNamePart(table) || !(await isTable(schema, table))) return null;
      return describe(schema, table, wants);
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

/** A table whose log cannot be read is listed without its columns; a store that does not answer is an error. */
function mended(error: unknown): { readonly columns: false } {
  const code = asSyncedTablesError(error)?.code;
  if (code === undefined || code.startsWith('OBJECT_STORE_')) throw error;
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

function sourceTableOf(options: {
  readonly schema: string;
  readonly table: string;
  readonly folder: string;
  readonly found: DeltaDescription | null;
}): SourceTable {
  const { schema, table, folder, found } = options;
  const location = isStorageUrl(folder) ? folder : `file://${folder.split('/').map(encodeURIComponent).join('/')}`;
  return {
    schema,
    table,
    type: 'EXTERNAL',
    format: 'DELTA',
    location,
    columns: found && columnsOf(found),
    properties: Object.fromEntries(found?.configuration ?? []),
    primaryKey: null,
    id: found?.tableId ?? null,
    owner: null,
    comment: null,
    createdAtMs: null,
    updatedAtMs: null,
  };
}

function columnsOf({ columns, comments, partitionColumns }: DeltaDescription): SourceColumn[] {
  return columns.map(({ name, type, nullable }) => {
    const partition = partitionColumns.indexOf(name);
    return {
      name,
      nullable,
      type: unityTypeOf(type),
      comment: comments.get(name) ?? null,
      partitionIndex: partition < 0 ? null : partition,
    };
  });
}
