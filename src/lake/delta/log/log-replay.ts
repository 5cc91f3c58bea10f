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
   * @param options.name of the file, for messages
   * @param options.isReconciled true if what happened to a file and to the table must be in there once only
   * @throws DELTA_LOG_CORRUPT
   */
  async apply(
    actions: AsyncIterable<Action>,
    { name, isReconciled = false }: { readonly name: string; readonly isReconciled?: boolean },
  ): Promise<void> {
    const added: LiveFile[] = [];
    const seen = new Set<string>();
    const once = (key: string) => {
      if (isReconciled && seen.has(key)) throw this.#corrupt(`${name} is not reconciled`);
      if (isReconciled) seen.add(key);
      return key;
    };
    for await (const action of actions) {
      switch (action.kind) {
        case 'protocol':
          once(action.kind);
          this.#protocol = action;
          break;
        case 'metaData':
          once(action.kind);
          this.#metadata = action;
          break;
        case 'add':
          added.push({ path: this.#resolve(action, name), add: action });
          break;
        case 'remove':
          this.#live.delete(once(fileKey(this.#resolve(action, name), action.deletionVector)));
          break;
        default:
          // commitInfo and cdc say nothing about the state; sidecars were followed by the checkpoint reader.
          break;
      }
    }
    for (const file of added) this.#live.set(once(fileKey(file.path, file.add.deletionVector)), file);
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
        throw this.#corrupt(`${path} is part of the table twice, with different deletion vectors`);
      }
      paths.add(path);
    }
    return [...this.#live.values()];
  }

  #resolve(action: FileAction, name: string): string {
    return resolveLogPath({ root: this.#root, reference: action.path, tableName: this.#tableName, logFile: name });
  }

  #corrupt(reason: string): Error {
    return syncedTablesError('DELTA_LOG_CORRUPT', { table: this.#tableName, reason });
  }
}

/** Identifies a logical file: canonical path and deletion vector id. A resolved path holds no NUL. */
export function fileKey(path: string, vector: DeletionVectorDescriptor | null): string {
  return vector === null ? path : `${path}\0${deletionVectorId(vector)}`;
}

/** Protocol: "Deletion Vectors", derived field `uniqueId`. */
export function deletionVectorId(vector: DeletionVectorDescriptor): string {
  const id = vector.storageType + vector.pathOrInlineDv;
  return vector.offset === null ? id : `${id}@${vector.offset}`;
}
