import { syncedTablesError } from '../../../core/errors.js';
import type { Action, DeletionVectorDescriptor, FileAction, MetadataAction, ProtocolAction } from './action.js';
import { resolveLogPath } from './log-path.js';

/** A file that is part of the table. */
export interface LiveFile {
  /** Canonical: absolute and decoded. */
  readonly path: string;
  readonly add: FileAction;
}

/**
 * Reconciles actions into the state of a table (protocol: "Action Reconciliation"). Feed it one checkpoint at most,
 * then commits in ascending order.
 */
export class LogReplay {
  readonly #root: string;
  readonly #tableName: string;
  /** By path and deletion vector. */
  readonly #live = new Map<string, LiveFile>();
  #protocol: ProtocolAction | null = null;
  #metadata: MetadataAction | null = null;

  constructor(options: { root: string; tableName: string }) {
    this.#root = options.root;
    this.#tableName = options.tableName;
  }

  /** The newest protocol so far. */
  get protocol(): ProtocolAction | null {
    return this.#protocol;
  }

  /** The newest metadata so far. */
  get metadata(): MetadataAction | null {
    return this.#metadata;
  }

  /**
   * Applies one commit, compaction or checkpoint. The actions in it have no order: its removes come before its adds,
   * because a new deletion vector is written as a remove and an add of one path.
   */
  async apply(actions: AsyncIterable<Action>): Promise<void> {
    const added: LiveFile[] = [];
    for await (const action of actions) {
      switch (action.kind) {
        case 'protocol':
          this.#protocol = action;
          break;
        case 'metaData':
          this.#metadata = action;
          break;
        case 'add':
          added.push({ path: this.#resolve(action), add: action });
          break;
        case 'remove':
          this.#live.delete(fileKey(this.#resolve(action), action.deletionVector));
          break;
        default:
          // commitInfo and cdc say nothing about the state; sidecars were followed by the checkpoint reader.
          break;
      }
    }
    for (const file of added) this.#live.set(fileKey(file.path, file.add.deletionVector), file);
  }

  /**
   * The files of the table after the applied actions.
   * @throws DELTA_LOG_CORRUPT if a path is live twice, with different deletion vectors: its rows would be delivered
   *   twice
   */
  liveFiles(): LiveFile[] {
    const paths = new Set<string>();
    for (const { path } of this.#live.values()) {
      if (paths.has(path)) {
        const reason = `${path} is part of the table twice, with different deletion vectors`;
        throw syncedTablesError('DELTA_LOG_CORRUPT', { table: this.#tableName, reason });
      }
      paths.add(path);
    }
    return [...this.#live.values()];
  }

  #resolve(action: FileAction): string {
    return resolveLogPath({ root: this.#root, reference: action.path, tableName: this.#tableName });
  }
}

/** Identifies a logical file: canonical path and deletion vector id. A resolved path holds no NUL. */
function fileKey(path: string, vector: DeletionVectorDescriptor | null): string {
  return vector === null ? path : `${path}\0${deletionVectorId(vector)}`;
}

/** Protocol: "Deletion Vectors", derived field `uniqueId`. */
export function deletionVectorId(vector: DeletionVectorDescriptor): string {
  const id = vector.storageType + vector.pathOrInlineDv;
  return vector.offset === null ? id : `${id}@${vector.offset}`;
}
