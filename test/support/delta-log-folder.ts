import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CheckpointReader } from '../../src/lake/delta/log/checkpoint-reader.js';
import { readJsonActions } from '../../src/lake/delta/log/commit-reader.js';
import { type DeltaSnapshot, openDeltaSnapshot } from '../../src/lake/delta/snapshot/delta-snapshot.js';
import type { FileStore } from '../../src/lake/storage/file-store.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';

export const TABLE_NAME = 'lake.test.t';

export const protocol = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };

/** A protocol of version 3/7. */
export function featureProtocol(...readerFeatures: string[]) {
  return { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures: readerFeatures } };
}

export interface SchemaField {
  readonly name: string;
  readonly type: unknown;
  readonly nullable?: boolean;
  readonly metadata?: object;
}

export function schemaString(...fields: SchemaField[]): string {
  return JSON.stringify({
    type: 'struct',
    fields: fields.map((field) => ({ nullable: true, metadata: {}, ...field })),
  });
}

export function metaData(parts: Record<string, unknown> = {}) {
  const plain = {
    id: 'table-1',
    format: { provider: 'parquet', options: {} },
    partitionColumns: [],
    configuration: {},
  };
  return { metaData: { ...plain, schemaString: schemaString({ name: 'id', type: 'long' }), ...parts } };
}

export function add(file: string, parts: Record<string, unknown> = {}) {
  return { add: { path: file, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true, ...parts } };
}

export function remove(file: string, parts: Record<string, unknown> = {}) {
  return { remove: { path: file, deletionTimestamp: 1, dataChange: true, ...parts } };
}

/** A deletion vector that is only named, never read. */
export function vector(name: string, offset?: number) {
  return {
    storageType: 'p',
    pathOrInlineDv: name,
    sizeInBytes: 34,
    cardinality: 1,
    ...(offset === undefined ? {} : { offset }),
  };
}

/** 20 digits, as in the names of the log. */
export function digits(version: number | bigint): string {
  return String(version).padStart(20, '0');
}

/** Checkpoints of these tests that are called Parquet hold JSON lines: the protocol logic cannot tell. */
const readJsonCheckpoint: CheckpointReader = (file) =>
  readJsonActions({ store: localFileStore, path: file, name: path.basename(file), tableName: TABLE_NAME });

/** A table folder of its own, without data files; it goes with `using`. */
export class DeltaLogFolder implements Disposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'delta-log-'));

  constructor() {
    mkdirSync(path.join(this.root, '_delta_log', '_sidecars'), { recursive: true });
  }

  /** Writes a file of `_delta_log` as it is, or actions as JSON lines. */
  write(name: string, content: string | Buffer | readonly object[]): this {
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    const lines = isText ? content : content.map((action) => `${JSON.stringify(action)}\n`).join('');
    writeFileSync(this.logPath(name), lines);
    // A commit that was written just now may be unfinished.
    return this.setModified(name, Date.now() - 3_600_000);
  }

  commit(version: number | bigint, ...actions: object[]): this {
    return this.write(`${digits(version)}.json`, actions);
  }

  /** A first commit with protocol and metadata. */
  create(...actions: object[]): this {
    return this.commit(0, protocol, metaData(), ...actions);
  }

  logPath(name: string): string {
    return path.join(this.root, '_delta_log', name);
  }

  setModified(name: string, ms: number): this {
    utimesSync(this.logPath(name), ms / 1000, ms / 1000);
    return this;
  }

  open(
    options: {
      version?: bigint;
      allowOutsidePaths?: boolean;
      store?: FileStore;
      readCheckpoint?: CheckpointReader;
    } = {},
  ): Promise<DeltaSnapshot> {
    const { root } = this;
    const plain = { store: localFileStore, root, tableName: TABLE_NAME, readCheckpoint: readJsonCheckpoint };
    return openDeltaSnapshot({ ...plain, ...options });
  }

  /** Live files relative to the table's folder, sorted. */
  async liveNames(options: Parameters<DeltaLogFolder['open']>[0] = {}): Promise<string[]> {
    const { files, root } = await this.open(options);
    return files.map((file) => (file.path.startsWith(`${root}/`) ? path.relative(root, file.path) : file.path)).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
