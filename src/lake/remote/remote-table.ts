import { createHash } from 'node:crypto';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { DeclaredTable, LakeTable } from '../lake-table.js';
import type { Relation } from '../relation/relation.js';
import type { SourceDetails } from '../source-details.js';
import type { SourceSnapshot } from '../source-snapshot.js';
import type { RemoteColumn, RemoteState, RowSource } from './row-source.js';
import { streamedParts } from './streamed-parts.js';

export interface RemoteTableOptions {
  readonly tableName: string;
  readonly source: RowSource;
  readonly engine: Engine;
  /** Bytes of rows on the disk at once, on their way to the engine. */
  readonly spoolBytesMax: number;
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
  return remoteTable(options, declaredOf(tableName, state));
}

function remoteTable(options: RemoteTableOptions, declared: DeclaredTable): LakeTable {
  const { tableName, source, engine } = options;

  const snapshotOf = (state: RemoteState): RemoteSnapshot => ({
    tableName,
    version: state.version,
    committedAtMs: state.committedAtMs,
    tableId: state.tableId,
    columns: state.columns.map(({ field }) => field),
    rowCount: null,
    ...(state.sizeBytes === undefined ? {} : { sizeBytes: state.sizeBytes }),
    ...(state.bookmark === undefined ? {} : { bookmark: state.bookmark }),
    state,
  });

  return {
    name: tableName,
    engine,
    changeFeed: null,
    declared,
    snapshot: async (version) => snapshotOf(await source.state(version)),
    async describe() {
      const { tableId, columns } = await source.state();
      return { tableName, tableId, columns: columns.map(({ field }) => field) };
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
    readBy: (other) => remoteTable({ ...options, engine: other }, declared),
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
  { tableName, source, engine, spoolBytesMax }: RemoteTableOptions,
  { state, columns }: RemoteSnapshot,
  parts: number,
  hinted: readonly string[] | undefined,
): Promise<Relation> {
  const wanted = state.columns.filter(({ field: { name, type } }) => {
    const isNeeded = columns.some((column) => column.name === name) || hinted?.includes(name) === true;
    return isNeeded && (hinted?.includes(name) ?? true) && type.kind !== 'unsupported';
  });
  const scan = await source.scan(state, wanted, parts);
  const select = (file: string, longest: number) => selectOf(wanted, scan.format.read(file, wanted.length, longest));
  return {
    parts: [],
    rowCount: null,
    remote: streamedParts({
      tableName,
      scratchFolder: engine.scratchFolder,
      bytesMax: spoolBytesMax,
      format: scan.format,
      begin: () => scan.begin(),
      select,
    }),
    [Symbol.asyncDispose]: () => scan[Symbol.asyncDispose](),
  };
}

function selectOf(columns: readonly RemoteColumn[], rows: string): string {
  const values = columns.map(({ field, value }, at) => `${value(`raw${at}`)} as ${quoteIdentifier(field.name)}`);
  return `select ${values.join(', ') || 'null as nothing'} from ${rows}`;
}

/** Tells one text from another. */
export function identify(...texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\n')).digest('base64url');
}
