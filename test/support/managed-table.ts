import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { UnityServer } from './unity-server.js';

/** Table properties of a Delta table whose commits a catalog manages, apart from those that a test adds. */
export const MANAGED_PROPERTIES = { 'delta.enableInCommitTimestamps': 'true' };

/** The first commit's time; each later one is a second later. Far from any file's time. */
export const FIRST_COMMIT_MS = Date.UTC(2020, 0, 1);

type Action = Record<string, Record<string, unknown>>;

/**
 * A table of a test lake whose commits a Unity Catalog server ratifies: what other writers do with a commit, one step at a
 * time. Version 0 lies in the log from the beginning.
 */
export class ManagedTable {
  readonly tableId = randomUUID();
  /** Staged files that the server names, by version. */
  readonly staged = new Map<number, string>();
  latestVersion = 0;
  readonly #log: string;

  /**
   * @param fullName as the server knows it
   * @param place.location what the server says of its place
   * @param place.isManaged true if its log says already that a catalog manages it
   */
  constructor(
    unity: UnityServer,
    fullName: string,
    place: { readonly folder: string; readonly location: string; readonly isManaged?: boolean },
  ) {
    const { folder, location, isManaged = false } = place;
    this.#log = path.join(folder, '_delta_log');
    mkdirSync(path.join(this.#log, '_staged_commits'), { recursive: true });
    const columns = [{ name: 'id', type_text: 'bigint', type_name: 'LONG', nullable: true, position: 0 }];
    unity.tables.set(fullName, {
      name: fullName.split('.').at(-1),
      table_id: this.tableId,
      table_type: 'MANAGED',
      data_source_format: 'DELTA',
      storage_location: location,
      columns,
      properties: { 'delta.feature.catalogManaged': 'supported' },
    });
    unity.logs.set(fullName, () => ({ body: this.answer() }));
    if (isManaged) return;
    this.#rewrite(0, (actions) => actions.map((action) => (action.protocol ? { protocol: PROTOCOL } : action)));
  }

  answer(): object {
    const versions = [...this.staged.keys()].sort((a, b) => b - a);
    const commits = versions.map((version) => {
      const name = this.staged.get(version) ?? '';
      const file = path.join(this.#log, '_staged_commits', name);
      const size = existsSync(file) ? statSync(file).size : 1;
      return { version, timestamp: 1, 'file-name': name, 'file-size': size, 'file-modification-timestamp': 1 };
    });
    return {
      metadata: { etag: 'e', 'table-type': 'MANAGED', 'table-uuid': this.tableId, location: 'x' },
      commits,
      'latest-table-version': this.latestVersion,
    };
  }

  logFile(version: number): string {
    return path.join(this.#log, `${String(version).padStart(20, '0')}.json`);
  }

  stagedFile(version: number): string {
    return path.join(this.#log, '_staged_commits', this.staged.get(version) ?? 'none');
  }

  /** Takes a commit that a test's writer put into the log out of it, as its writer would have staged it. */
  stage(version: number): string {
    this.#rewrite(version, (actions) => actions);
    const name = `${String(version).padStart(20, '0')}.${randomUUID()}.json`;
    renameSync(this.logFile(version), path.join(this.#log, '_staged_commits', name));
    return name;
  }

  /** Stages a commit, and has the server accept it. */
  commit(version: number): void {
    this.staged.set(version, this.stage(version));
    this.latestVersion = version;
  }

  publish(version: number): void {
    copyFileSync(this.stagedFile(version), this.logFile(version));
  }

  /** Tells the server that everything up to a version is published. */
  report(version: number): void {
    for (const known of [...this.staged.keys()]) if (known <= version) this.staged.delete(known);
  }

  removeStaged(version: number): void {
    rmSync(this.stagedFile(version));
  }

  /** Gives a commit its time, and changes its actions. */
  #rewrite(version: number, change: (actions: Action[]) => Action[]): void {
    const file = this.logFile(version);
    const actions = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Action);
    const stamped = actions.map((action) => {
      const inCommitTimestamp = FIRST_COMMIT_MS + version * 1_000;
      return action.commitInfo ? { commitInfo: { ...action.commitInfo, inCommitTimestamp } } : action;
    });
    writeFileSync(
      file,
      change(stamped)
        .map((action) => `${JSON.stringify(action)}\n`)
        .join(''),
    );
  }
}

const PROTOCOL = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ['catalogManaged', 'vacuumProtocolCheck'],
  writerFeatures: ['catalogManaged', 'inCommitTimestamp', 'vacuumProtocolCheck'],
};
