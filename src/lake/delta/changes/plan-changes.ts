import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import type { SchemaChange } from '../../changes/change-relation.js';
import { compareNeeded, neededFields, requireFollowable, type SchemaRules } from '../../changes/schema-changes.js';
import type {
  DeletionVectorDescriptor,
  FileAction,
  MetadataAction,
  PartitionTexts,
  ProtocolAction,
} from '../log/action.js';
import type { Commit } from '../log/commit-tail.js';
import { hasInCommitTimestamp } from '../log/commit-time.js';
import type { LogHead } from '../log/log-bookmark.js';
import { commitName } from '../log/log-listing.js';
import { resolveLogPath } from '../log/log-path.js';
import { deletionVectorId } from '../log/log-replay.js';
import { requireReadable } from '../schema/protocol-gate.js';
import { hasChangeFeed, type TableLayout, tableLayout } from '../schema/table-layout.js';
import { type DeltaFile, requireInside, toDeltaFile } from '../snapshot/delta-file.js';
import { type ActionsByPath, type AddedFiles, type RecordedCommit, recordedCommit } from './recorded-commit.js';
import { requireSameLayout } from './require-same-layout.js';

/** `cdc`: the file itself states the change type of each row. */
type FileChange = 'cdc' | 'insert' | 'delete';

/** A file in which some or all rows are changes of one version. */
export interface ChangeFile {
  readonly change: FileChange;
  readonly version: bigint;
  readonly committedAtMs: number;
  /** `deletionVector`: rows that are not changes. */
  readonly file: DeltaFile;
  /** Set if the change is that of a vector: rows listed by `added` but not by `former`. */
  readonly difference: {
    readonly added: DeletionVectorDescriptor;
    readonly former: DeletionVectorDescriptor | null;
  } | null;
}

export interface ChangePlan {
  /** The metadata in force at the last version, without its fingerprint. */
  readonly protocol: ProtocolAction;
  readonly metadata: MetadataAction;
  readonly layout: TableLayout;
  /** The columns of the layout that are needed. */
  readonly columns: readonly Field[];
  readonly committedAtMs: number | null;
  readonly files: readonly ChangeFile[];
  readonly schemaChanges: readonly SchemaChange[];
  readonly isChangeFeed: boolean;
  /** The commits whose changes are in change files. */
  readonly recorded: readonly RecordedCommit[];
}

/** What a commit did, wherever that is known from. */
export type PlannedCommit = Omit<Commit, 'path' | 'stat' | 'isEmpty'>;

export interface ChangePlanOptions {
  readonly root: string;
  readonly tableName: string;
  /** Whether the commits are those that a catalog has ratified. */
  readonly isRatified: boolean;
  readonly head: LogHead;
  readonly commits: readonly PlannedCommit[];
  readonly rules: SchemaRules;
  readonly allowFileDiff: boolean;
  readonly allowOutsidePaths: boolean;
  /** See `ChangesOptions.byFiles`. */
  readonly byFiles: ReadonlySet<bigint>;
  /** Notes the files that commits add. */
  readonly addedFiles: AddedFiles;
  /** Partition values of the files that were live at `head`, by path. Called at most once, and rarely. */
  readonly livePartitions: () => Promise<ReadonlyMap<string, PartitionTexts>>;
}

/**
 * Follows the log commit by commit and determines which files hold the changes of which version. No data file is
 * touched.
 * @throws the errors of `ChangeFeed.changes` that concern the log and the schema
 */
export async function planChanges(options: ChangePlanOptions): Promise<ChangePlan> {
  const planner = new ChangePlanner(options);
  for (const commit of options.commits) planner.follow(commit);
  return planner.finish();
}

/** A change whose file is not translated yet: that requires the layout at the end. */
interface OpenChange extends Pick<ChangeFile, 'change' | 'version' | 'committedAtMs' | 'difference'> {
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly partitionValues: PartitionTexts | null;
  readonly deletionVector: DeletionVectorDescriptor | null;
}

class ChangePlanner {
  readonly #options: ChangePlanOptions;
  #protocol: ProtocolAction | null;
  #metadata: MetadataAction | null;
  #layout: TableLayout | null = null;
  #committedAtMs: number | null = null;
  #isChangeFeed = true;
  readonly #changes: OpenChange[] = [];
  readonly #schemaChanges: SchemaChange[] = [];
  readonly #recorded: RecordedCommit[] = [];
  /** Of all files added within the range: removes may omit theirs. */
  readonly #partitions = new Map<string, PartitionTexts>();

  constructor(options: ChangePlanOptions) {
    this.#options = options;
    this.#protocol = options.head.protocol;
    this.#metadata = options.head.metadata;
    if (this.#protocol !== null && this.#metadata !== null) this.#layout = this.#layoutNow();
  }

  follow(commit: PlannedCommit): void {
    this.#protocol = commit.protocol ?? this.#protocol;
    if (commit.protocol !== null) requireReadable(commit.protocol, this.#options);
    if (commit.metadata !== null) this.#followMetadata(commit.metadata, commit.version);
    const configuration = this.#metadata?.configuration ?? new Map<string, string>();
    const isInCommit = commit.inCommitTimestampMs !== null && hasInCommitTimestamp(configuration, commit.version);
    this.#committedAtMs = isInCommit ? commit.inCommitTimestampMs : commit.modifiedAtMs;
    const isRecorded = hasChangeFeed(configuration);
    if (!isRecorded) this.#missFeed(commit.version);
    const { byFiles } = this.#options;
    if (isRecorded && commit.changeFiles.length > 0 && !byFiles.has(commit.version)) this.#followChangeFiles(commit);
    else this.#followFileActions(commit);
    if (this.#layout !== null && this.#layout.partitionFields.length > 0) this.#rememberPartitions(commit);
  }

  async finish(): Promise<ChangePlan> {
    const layout = this.#layoutNow();
    if (this.#protocol === null || this.#metadata === null) throw new Error('a layout without protocol or metadata');
    return {
      protocol: this.#protocol,
      metadata: this.#metadata,
      layout,
      columns: neededFields(layout.columns, this.#options.rules),
      committedAtMs: this.#committedAtMs,
      files: await this.#translate(layout),
      schemaChanges: this.#schemaChanges,
      isChangeFeed: this.#isChangeFeed,
      recorded: this.#recorded,
    };
  }

  #followMetadata(metadata: MetadataAction, version: bigint): void {
    const { tableName, rules } = this.#options;
    if (this.#metadata !== null && this.#metadata.id !== metadata.id) {
      throw syncedTablesError('SOURCE_TABLE_REPLACED', { table: tableName, version });
    }
    const before = this.#layout;
    this.#metadata = metadata;
    const after = this.#layoutNow();
    if (before !== null) {
      const changes = compareNeeded(before, after, rules, version);
      requireFollowable(changes, { areIdentified: after.mappingMode !== 'none' }, rules);
      requireSameLayout(before, after, version);
      this.#schemaChanges.push(...changes);
    }
    this.#layout = after;
  }

  #layoutNow(): TableLayout {
    const { tableName } = this.#options;
    if (this.#protocol === null || this.#metadata === null) {
      const reason = `its first commit has no ${this.#protocol === null ? 'protocol' : 'metaData'}`;
      throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
    }
    const { isRatified } = this.#options;
    return tableLayout({ protocol: this.#protocol, metadata: this.#metadata, tableName, isRatified });
  }

  #missFeed(version: bigint): void {
    this.#isChangeFeed = false;
    if (this.#options.allowFileDiff) return;
    throw syncedTablesError('CHANGE_DATA_FEED_INCOMPLETE', { table: this.#options.tableName, version });
  }

  /** Change files tell everything that the commit did (protocol: "Change Data Files", reader requirements). */
  #followChangeFiles(commit: PlannedCommit): void {
    for (const action of commit.changeFiles) {
      const { sizeBytes, partitionValues } = action;
      const path = this.#resolve(action.path, commit);
      this.#push(commit, { change: 'cdc', path, sizeBytes, partitionValues, deletionVector: null, difference: null });
    }
    const { adds, removes } = this.#fileActions(commit);
    this.#recorded.push(recordedCommit(commit.version, { adds, removes }, this.#options.addedFiles));
  }

  #fileActions(commit: PlannedCommit): ActionsByPath {
    const adds = this.#byPath(commit, commit.adds);
    const removes = this.#byPath(commit, commit.removes);
    for (const [path, { rowCount }] of adds) this.#options.addedFiles.note(path, rowCount);
    return { adds, removes };
  }

  #followFileActions(commit: PlannedCommit): void {
    const { adds, removes } = this.#fileActions(commit);
    for (const [path, remove] of removes) {
      const add = adds.get(path);
      if (add) this.#followVector(commit, path, { add, remove });
      else if (remove.dataChange) this.#pushWhole(commit, 'delete', path, remove);
    }
    for (const [path, add] of adds) {
      if (add.dataChange && !removes.has(path)) this.#pushWhole(commit, 'insert', path, add);
    }
  }

  #byPath(commit: PlannedCommit, actions: readonly FileAction[]): Map<string, FileAction> {
    const byPath = new Map<string, FileAction>();
    for (const action of actions) {
      const path = this.#resolve(action.path, commit);
      const former = byPath.get(path);
      if (former && vectorId(former) !== vectorId(action)) {
        const reason = `version ${commit.version} names ${path} twice, with different deletion vectors`;
        throw syncedTablesError('DELTA_LOG_CORRUPT', { table: this.#options.tableName, reason });
      }
      byPath.set(path, action);
    }
    return byPath;
  }

  #pushWhole(commit: PlannedCommit, change: 'insert' | 'delete', path: string, action: FileAction): void {
    const { sizeBytes, partitionValues, deletionVector } = action;
    this.#push(commit, { change, path, sizeBytes, partitionValues, deletionVector, difference: null });
  }

  /** One file, another vector: rows newly listed are deleted, rows no longer listed are back (RESTORE). */
  #followVector(commit: PlannedCommit, path: string, pair: { add: FileAction; remove: FileAction }): void {
    const { add, remove } = pair;
    if (!(add.dataChange || remove.dataChange) || vectorId(add) === vectorId(remove)) return;
    const after = add.deletionVector;
    const before = remove.deletionVector;
    const base = { path, sizeBytes: add.sizeBytes, partitionValues: add.partitionValues, deletionVector: null };
    if (after) this.#push(commit, { ...base, change: 'delete', difference: { added: after, former: before } });
    if (before) this.#push(commit, { ...base, change: 'insert', difference: { added: before, former: after } });
  }

  #push(commit: PlannedCommit, change: Omit<OpenChange, 'version' | 'committedAtMs'>): void {
    this.#changes.push({ ...change, version: commit.version, committedAtMs: this.#committedAtMs ?? 0 });
  }

  #rememberPartitions(commit: PlannedCommit): void {
    for (const { path, partitionValues } of commit.adds) {
      if (partitionValues !== null) this.#partitions.set(this.#resolve(path, commit), partitionValues);
    }
  }

  async #translate(layout: TableLayout): Promise<ChangeFile[]> {
    const { root, tableName, allowOutsidePaths } = this.#options;
    const { partitionFields } = layout;
    const files: ChangeFile[] = [];
    for (const open of this.#changes) {
      const { path, sizeBytes, deletionVector, change, version, committedAtMs, difference } = open;
      const isComplete = partitionFields.length === 0 || open.partitionValues !== null;
      const partitionValues = isComplete ? open.partitionValues : await this.#findPartition(path);
      const file = toDeltaFile({
        add: { sizeBytes, deletionVector, partitionValues },
        path,
        partitionFields,
        tableName,
      });
      if (!allowOutsidePaths) {
        for (const vector of [deletionVector, difference?.added ?? null, difference?.former ?? null]) {
          requireInside({ root, tableName, file: { ...file, deletionVector: vector } });
        }
      }
      files.push({ change, version, committedAtMs, file, difference });
    }
    return files;
  }

  async #findPartition(path: string): Promise<PartitionTexts | null> {
    return this.#partitions.get(path) ?? (await this.#options.livePartitions()).get(path) ?? null;
  }

  #resolve(reference: string, { version }: PlannedCommit): string {
    const { root, tableName } = this.#options;
    return resolveLogPath({ root, reference, tableName, logFile: commitName(version) });
  }
}

function vectorId({ deletionVector }: FileAction): string | null {
  return deletionVector && deletionVectorId(deletionVector);
}
