import { mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '../../src/core/names.js';
import type { ChangeFeed, ChangesOptions } from '../../src/lake/changes/change-relation.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import type { Engine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { FileStore } from '../../src/lake/storage/file-store.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { add, DeltaLogFolder, metaData, TABLE_NAME } from './delta-log-folder.js';

/** A hand-made log with real Parquet files, and the product's reader of its changes. It goes with `using`. */
export class ChangeTable extends DeltaLogFolder {
  readonly #engine: Engine;
  readonly #connection: DuckDBConnection;

  constructor(engine: Engine, connection: DuckDBConnection) {
    super();
    this.#engine = engine;
    this.#connection = connection;
  }

  /** Writes a Parquet file with the rows of a SELECT and gives its size as the log states it. */
  async file(name: string, select: string): Promise<{ size: number }> {
    const target = path.join(this.root, name);
    mkdirSync(path.dirname(target), { recursive: true });
    await this.#connection.run(`copy (${select}) to ${quoteLiteral(target)} (format parquet)`);
    return { size: statSync(target).size };
  }

  /** Writes a file and gives the add of it. */
  async added(name: string, select: string, parts: Record<string, unknown> = {}): Promise<object> {
    return add(name, { ...(await this.file(name, select)), ...parts });
  }

  /** Writes a change file and gives the action that names it. */
  async changed(name: string, select: string, parts: Record<string, unknown> = {}): Promise<object> {
    const { size } = await this.file(`_change_data/${name}`, select);
    return { cdc: { path: `_change_data/${name}`, partitionValues: {}, size, dataChange: false, ...parts } };
  }

  removeFile(name: string): void {
    rmSync(path.join(this.root, name));
  }

  table(store: FileStore = localFileStore): LakeTable {
    return openDeltaTable({
      engine: this.#engine,
      store,
      root: this.root,
      tableName: TABLE_NAME,
      allowOutsidePaths: false,
      partitionTimeZone: 'UTC',
    });
  }

  feed(): ChangeFeed {
    const feed = this.table().changeFeed;
    if (!feed) throw new Error('no change feed');
    return feed;
  }

  async rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  }

  /** All changes as `id type version`, or with other columns. */
  async changes(options: Partial<ChangesOptions> = {}, columns = 'id'): Promise<string[]> {
    await using relation = await this.feed().changes({ from: 0n, allowFileDiff: false, ...options });
    await relation.fetch();
    const found = await this.rows(
      `select ${columns}, _change_type, _commit_version from (${relation.select}) order by _commit_version, ${columns}, _change_type`,
    );
    return found.map((row) => row.join(' '));
  }

  /** The last states by `id`, as `id type version` or with other columns. */
  async collapsed(options: Partial<ChangesOptions> = {}, columns = 'id'): Promise<string[]> {
    await using relation = await this.feed().changes({ from: 0n, allowFileDiff: false, ...options });
    const { select } = await relation.collapse({ keyColumns: ['id'] });
    const found = await this.rows(`select ${columns}, _change_type, _commit_version from (${select}) order by all`);
    return found.map((row) => row.join(' '));
  }
}

/** Metadata with the change feed on. */
export function feedMetaData(parts: Record<string, unknown> = {}, configuration: Record<string, string> = {}) {
  return metaData({ configuration: { 'delta.enableChangeDataFeed': 'true', ...configuration }, ...parts });
}
