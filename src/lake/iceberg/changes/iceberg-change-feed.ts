import type { DataType, Field } from '../../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { ChangeFeed, ChangeRelation, ChangesOptions, SchemaChange } from '../../changes/change-relation.js';
import { compareNeeded, neededFields, requireFollowable, type SchemaRules } from '../../changes/schema-changes.js';
import type { Watch } from '../../relation/watch.js';
import type { IcebergTableOptions } from '../iceberg-table-options.js';
import type { ContentFile } from '../manifests/content-file.js';
import { isMetadataName, metadataFolder } from '../metadata/locate-metadata.js';
import { ancestry, positionOf, type SnapshotEntry, type TableMetadata } from '../metadata/table-metadata.js';
import type { IcebergSchema } from '../schema/iceberg-schema.js';
import { readSnapshotFiles } from '../snapshot/iceberg-snapshot.js';
import {
  bookmarkedSchema,
  bookmarkedSnapshot,
  type IcebergState,
  NO_SNAPSHOT,
  schemaAt,
  withState,
} from '../snapshot/table-state.js';
import { type ChangeStep, changeSteps } from './change-steps.js';
import { fileDifferences } from './file-differences.js';
import { asHistoryGone } from './history-gone.js';
import { openIcebergChanges } from './open-change-relation.js';
import { type PlannedStep, planStep } from './step-rows.js';

/** A file that is written while it is read looks damaged; a writer needs not long for it. */
const READ_AGAIN_MS: readonly number[] = [50, 250, 1_000];

/** What a reader has: a snapshot of the table, and the columns that it was read with. */
interface Position {
  /** Null: the table before it was written to. */
  readonly entry: SnapshotEntry | null;
  readonly schema: IcebergSchema;
  /** False if the table no longer says how the files were read. */
  readonly isSchemaKnown: boolean;
}

/**
 * The changes of an Iceberg table, which records none: what differs between the files of two snapshots, one of which grew
 * from the other.
 */
export class IcebergChangeFeed implements ChangeFeed {
  readonly #options: IcebergTableOptions;
  /** What was read last. */
  #seen: TableMetadata | null = null;

  constructor(options: IcebergTableOptions) {
    const load = async () => {
      this.#seen = await readPatiently(options.load);
      return this.#seen;
    };
    this.#options = { ...options, load };
  }

  async newestVersion(): Promise<bigint> {
    const { current } = await this.#options.load();
    return current === null ? NO_SNAPSHOT : positionOf(current);
  }

  isSameCommit(bookmark: string): Promise<boolean> {
    return this.#with(undefined, async ({ metadata, bookmark: newest }) => {
      if (bookmark === newest) return true;
      const id = bookmarkedSnapshot(bookmark);
      const { current, snapshots } = metadata;
      // Of the current snapshot the columns are others, or their names in files.
      if (id === (current?.id ?? null)) return false;
      if (id === null || !snapshots.some((entry) => entry.id === id)) return true;
      return ancestry(snapshots, current).some((entry) => entry.id === id);
    });
  }

  async commitIdentity(version: bigint): Promise<string | null> {
    try {
      return await this.bookmark(version);
    } catch (error) {
      if (asSyncedTablesError(error)?.code === 'ICEBERG_SNAPSHOT_NOT_FOUND') return null;
      throw error;
    }
  }

  /** That of the first snapshot at that position or after it: numbers have gaps. */
  async committedAtMs(version: bigint): Promise<number | null> {
    const { snapshots, current } = this.#seen ?? (await this.#options.load());
    const later = ancestry(snapshots, current).filter((entry) => positionOf(entry) >= version);
    return later.at(-1)?.committedAtMs ?? null;
  }

  bookmark(version?: bigint): Promise<string> {
    return this.#with(version, async ({ bookmark }) => bookmark);
  }

  async watch(onHint: () => void): Promise<Watch | null> {
    const { store, root, commitsByFile } = this.#options;
    if (commitsByFile !== true) return null;
    const onChange = (name: string | null) => {
      if (name === null || isMetadataName(name)) onHint();
    };
    return (await store.watch?.(metadataFolder(root), onChange)) ?? null;
  }

  changes(options: ChangesOptions): Promise<ChangeRelation> {
    return this.#with(options.to, (state) => this.#changesUpTo(state, options));
  }

  async #changesUpTo(state: IcebergState, options: ChangesOptions): Promise<ChangeRelation> {
    const { tableName } = this.#options;
    const { metadata, entry, bookmark } = state;
    const { from, tableId } = options;
    if (tableId !== undefined && tableId !== metadata.tableId) {
      throw syncedTablesError('SOURCE_TABLE_REPLACED', { table: tableName, version: from });
    }
    const position = this.#positionOf(state, options);
    const line = this.#lineAfter(position.entry, state, options);
    if (line.length > 0 && !options.allowFileDiff)
      throw syncedTablesError('CHANGES_NOT_RECORDED', { table: tableName });
    const version = entry === null ? NO_SNAPSHOT : positionOf(entry);
    const { keyColumns = [], neededColumns = null, requiredColumns = [], schemaPolicy: policy = 'stop' } = options;
    const rules = { tableName, keyColumns, neededColumns, requiredColumns, policy };
    const before = { columns: position.schema.columns.map(byFieldId) };
    const after = { columns: state.schema.columns.map(byFieldId) };
    const schemaChanges = compareNeeded(before, after, rules, version);
    requireFollowable(schemaChanges, { areIdentified: true }, rules);
    const steps = await this.#planSteps(state, changeSteps(position.entry, line), from);
    const end = {
      tableName,
      version,
      committedAtMs: entry?.committedAtMs ?? null,
      tableId: metadata.tableId,
      columns: neededFields(state.schema.columns, rules),
      rowCount: null,
      bookmark,
      state,
      dataFiles: [],
      deleteFiles: [],
    };
    const copyReason = reasonToCopy(position, state, schemaChanges, rules);
    return openIcebergChanges({ ...this.#options, from, end, steps, schemaChanges, copyReason });
  }

  /** @throws CHANGE_RANGE_INVALID, ICEBERG_HISTORY_EXPIRED */
  #positionOf(state: IcebergState, { from, to, bookmark }: ChangesOptions): Position {
    const { tableName: table } = this.#options;
    const { snapshots } = state.metadata;
    const known = (entry: SnapshotEntry | null) => {
      return { entry, schema: schemaAt(state.metadata, entry, table), isSchemaKnown: true };
    };
    if (bookmark === undefined) {
      if (from <= NO_SNAPSHOT) return { ...known(null), schema: state.schema };
      const newest = state.entry === null ? NO_SNAPSHOT : positionOf(state.entry);
      const found = ancestry(snapshots, state.entry).find((entry) => positionOf(entry) === from);
      if (found) return known(found);
      const reason = `its snapshots have no position ${from}`;
      throw syncedTablesError('CHANGE_RANGE_INVALID', { table, from, to: to ?? newest, reason });
    }
    const id = bookmarkedSnapshot(bookmark);
    const entry = id === null ? null : (snapshots.find((each) => each.id === id) ?? null);
    if (id !== null && entry === null) {
      const reason = `snapshot ${id} has expired`;
      throw syncedTablesError('ICEBERG_HISTORY_EXPIRED', { table, version: from, reason });
    }
    const schema = bookmarkedSchema(bookmark, entry, state, table);
    return schema === null ? { ...known(entry), isSchemaKnown: false } : { entry, schema, isSchemaKnown: true };
  }

  /**
   * The snapshots that came after one, the oldest first.
   * @throws SOURCE_HISTORY_REWRITTEN, ICEBERG_HISTORY_EXPIRED
   */
  #lineAfter(
    start: SnapshotEntry | null,
    { metadata, entry }: IcebergState,
    { from }: ChangesOptions,
  ): readonly SnapshotEntry[] {
    const { tableName: table } = this.#options;
    const line = ancestry(metadata.snapshots, entry).reverse();
    const place = line.findIndex(({ id }) => id === start?.id);
    if (place >= 0 || start === null) return line.slice(place + 1);
    const [oldest] = line;
    if (oldest && oldest.parentId !== null) {
      const reason = `snapshots between ${start.id} and ${entry?.id} have expired`;
      throw syncedTablesError('ICEBERG_HISTORY_EXPIRED', { table, version: from, reason });
    }
    const now = entry === null ? 'the table is empty' : `snapshot ${entry.id} did not grow from it`;
    const reason = `snapshot ${start.id} was rolled back or replaced: ${now}`;
    throw syncedTablesError('SOURCE_HISTORY_REWRITTEN', { table, reason });
  }

  async #planSteps(state: IcebergState, steps: readonly ChangeStep[], from: bigint): Promise<PlannedStep[]> {
    const planned: PlannedStep[] = [];
    for (const step of steps) {
      const before = step.from === null ? [] : await this.#filesOf(state, step.from, from);
      const after = await this.#filesOf(state, step.to, from);
      planned.push(planStep(step, fileDifferences(before, after), { before, after }));
    }
    return planned;
  }

  async #filesOf(state: IcebergState, entry: SnapshotEntry, from: bigint): Promise<readonly ContentFile[]> {
    try {
      return await readSnapshotFiles(state, entry, this.#options);
    } catch (error) {
      throw entry === state.entry ? error : asHistoryGone(error, { ...this.#options, from });
    }
  }

  #with<Result>(position: bigint | undefined, use: (state: IcebergState) => Promise<Result>): Promise<Result> {
    return withState(this.#options, position, use);
  }
}

async function readPatiently(load: () => Promise<TableMetadata>): Promise<TableMetadata> {
  for (const pauseMs of READ_AGAIN_MS) {
    try {
      return await load();
    } catch (error) {
      if (asSyncedTablesError(error)?.code !== 'ICEBERG_METADATA_CORRUPT') throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  return load();
}

/** Why rows of files that did not change are others now; null if they are the same. */
function reasonToCopy(
  { isSchemaKnown, entry }: Position,
  { schema, nameMapping }: IcebergState,
  changes: readonly SchemaChange[],
  rules: SchemaRules,
): string | null {
  if (entry === null) return null;
  if (!isSchemaKnown) return 'the names that its columns have in files without field ids were changed';
  for (const { kind, column } of changes) {
    const added =
      kind === 'added' ? neededFields(schema.columns, rules).find(({ name }) => name === column) : undefined;
    if (added === undefined) continue;
    if ((schema.fields.get(added.fieldId ?? -1)?.initialDefault ?? null) !== null) {
      return `column "${column}" was added to the source with a value for the rows that were there`;
    }
    // Files without field ids may have had a column of that name before.
    if (nameMapping !== null) return `column "${column}" was added to the source, whose files have no field ids`;
  }
  return null;
}

/** Fields are known by their ids, whatever their names are. */
function byFieldId(field: Field): Field {
  return { ...field, physicalName: String(field.fieldId), type: typeByFieldIds(field.type) };
}

function typeByFieldIds(type: DataType): DataType {
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: type.fields.map(byFieldId) };
    case 'array':
      return { ...type, element: typeByFieldIds(type.element) };
    case 'map':
      return { ...type, key: typeByFieldIds(type.key), value: typeByFieldIds(type.value) };
    default:
      return type;
  }
}
