import { createHash } from 'node:crypto';
import { syncedTablesError } from '../../core/errors.js';
import type { DeclaredTable, LakeTable } from '../lake-table.js';
import type { Relation } from '../relation/relation.js';
import type { SourceDetails } from '../source-details.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import { RemoteChangeFeed } from './remote-change-feed.js';
import { type RowRelationOptions, rowRelation } from './row-relation.js';
import type { RemoteState, RowSource } from './row-source.js';

export interface RemoteTableOptions extends RowRelationOptions {
  readonly source: RowSource;
  /** Name of the catalog in the settings, for messages. */
  readonly catalog: string;
}

/** What a server holds, at one moment. */
interface RemoteSnapshot extends SourceSnapshot {
  readonly state: RemoteState;
}

/**
 * A table whose rows a server reads for us. They pass through files in the scratch folder, a few at a time: the engine
 * reads those as it reads any others, so that everything behind it works as for a table of files.
 * @throws what `RowSource.state` throws
 */
export async function openRemoteTable(options: RemoteTableOptions): Promise<LakeTable> {
  const { tableName, source } = options;
  const state = await source.state();
  return remoteTable(options, { declared: declaredOf(tableName, state), opened: state });
}

interface OpenedTable {
  readonly declared: DeclaredTable;
  /** What was found when it was opened. */
  readonly opened: RemoteState;
}

function remoteTable(options: RemoteTableOptions, { declared, opened }: OpenedTable): LakeTable {
  const { tableName, source, engine, catalog } = options;
  const { history } = source;
  const { tableId, withoutChanges = null } = opened;
  const changeFeed =
    history !== undefined && withoutChanges === null ? new RemoteChangeFeed({ ...options, history, tableId }) : null;

  const snapshotOf = (state: RemoteState): RemoteSnapshot => ({
    tableName,
    version: state.version,
    committedAtMs: state.committedAtMs,
    tableId: state.tableId,
    columns: state.columns.map(({ field }) => field),
    rowCount: null,
    ...(state.sizeBytes === undefined ? {} : { sizeBytes: state.sizeBytes }),
    ...(state.bookmark === undefined ? {} : { bookmark: state.bookmark }),
    ...(state.withoutChanges === null ? { hasChangeFeed: true } : {}),
    state,
  });

  return {
    name: tableName,
    engine,
    changeFeed,
    ...(withoutChanges === null
      ? {}
      : {
          whyWithoutChanges: () =>
            syncedTablesError('REMOTE_CHANGES_NOT_GIVEN', { catalog, table: tableName, reason: withoutChanges }),
        }),
    declared,
    async snapshot(version) {
      const state = await source.state(version);
      changeFeed?.note(state);
      return snapshotOf(state);
    },
    async describe() {
      const { tableId, columns, hasChangeFeed } = snapshotOf(await source.state());
      return { tableName, tableId, columns, ...(hasChangeFeed === undefined ? {} : { hasChangeFeed }) };
    },
    async details(): Promise<SourceDetails> {
      const state = await source.state();
      const comments = state.columns.flatMap(({ field, comment }) => {
        return comment === null ? [] : [[field.name, comment] as const];
      });
      return {
        ...source.details,
        snapshot: snapshotOf(state),
        positionWord: null,
        statedRowCount: null,
        fileCount: 0,
        features: [],
        properties: new Map(),
        partitionColumns: [],
        comments: new Map(comments),
        commits: [],
      };
    },
    // Callers pass back only snapshots of this same table; some leave out columns that they do not need.
    openRelation: (snapshot, parts, hint) => openRemoteRows(options, snapshot as RemoteSnapshot, parts, hint?.columns),
    readBy: (other) => remoteTable({ ...options, engine: other }, { declared, opened }),
  };
}

function declaredOf(tableName: string, { primaryKey, columns }: RemoteState): DeclaredTable {
  if (columns.length === 0) throw syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: tableName });
  return {
    primaryKey,
    timeseriesKey: null,
    properties: {},
    columns: columns.map(({ field, comment }) => ({ name: field.name, type: null, comment })),
  };
}

async function openRemoteRows(
  options: RemoteTableOptions,
  { state, columns }: RemoteSnapshot,
  parts: number,
  hinted: readonly string[] | undefined,
): Promise<Relation> {
  const wanted = state.columns.filter(({ field: { name, type } }) => {
    const isNeeded = columns.some((column) => column.name === name) || hinted?.includes(name) === true;
    return isNeeded && (hinted?.includes(name) ?? true) && type.kind !== 'unsupported';
  });
  return rowRelation(options, { columns: wanted, scan: await options.source.scan(state, wanted, parts) });
}

/** Tells one text from another. */
export function identify(...texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\n')).digest('base64url');
}
