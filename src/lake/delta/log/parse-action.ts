import { z } from 'zod';
import type { Field } from '../../../core/data-type.js';
import type { FileBounds } from '../../data-files/stated-bounds.js';
import type { Action, DeletionVectorDescriptor, PartitionTexts } from './action.js';
import { columnBounds, countOf, readStatistics } from './file-statistics.js';

/** A line or row that is not an action of the Delta protocol. The message never repeats values of the line. */
export class ActionFormatError extends Error {
  override readonly name: string = 'ActionFormatError';
}

/** Text that breaks off, or is none at all: the rest may be missing. */
export class TextCutShort extends ActionFormatError {
  override readonly name = 'TextCutShort';
}

// z.int() refuses what a JavaScript number cannot hold exactly: an int64 beyond 2^53 is an error, never rounded.
const count = z.int().nonnegative();
const texts = z.record(z.string(), z.string().nullable());

const deletionVector = z.object({
  storageType: z.enum(['u', 'p', 'i']),
  pathOrInlineDv: z.string(),
  offset: count.nullish(),
  sizeInBytes: count,
  cardinality: count,
});

const actionShape = z.object({
  path: z.string(),
  size: count.nullish(),
  partitionValues: texts.nullish(),
  deletionVector: deletionVector.nullish(),
  // Required by the protocol; if a writer omits it, we assume that it changed data.
  dataChange: z.boolean().nullish(),
  // Only ever a hint: a writer that puts something else there must not stop a reader.
  stats: z.string().nullish().catch(null),
});

/** Statistics that a checkpoint has as columns, as `duckDbCheckpointReader` passes them on: texts, in the order of the fields. */
const statedColumns = z.object({
  rows: z.string().nullish(),
  columns: z.array(
    z.object({ least: z.string().nullish(), greatest: z.string().nullish(), nulls: z.string().nullish() }),
  ),
});

const file = actionShape.extend({ statedColumns: statedColumns.nullish() });

const statistics = z.object({ numRecords: count });

const protocol = z.object({
  minReaderVersion: count,
  readerFeatures: z.array(z.string()).nullish(),
  writerFeatures: z.array(z.string()).nullish().catch(null),
});

const metaData = z.object({
  id: z.string(),
  format: z.object({ provider: z.string().nullish() }).nullish(),
  schemaString: z.string().nullish(),
  partitionColumns: z.array(z.string()).nullish(),
  configuration: texts.nullish(),
});

/** Longer than the name of any operation. */
const OPERATION_LENGTH_MAX = 100;

// commitInfo is free-form: whatever a writer puts there must not stop a reader.
const commitInfo = z.object({
  timestamp: z.int().nullish().catch(null),
  inCommitTimestamp: z.int().nullish().catch(null),
  operation: z.string().max(OPERATION_LENGTH_MAX).nullish().catch(null),
});

const sidecar = z.object({ path: z.string() });

type KnownName = 'protocol' | 'metaData' | 'add' | 'remove' | 'cdc' | 'commitInfo' | 'sidecar';

const parsers: { readonly [Name in KnownName]: (body: unknown, fields: readonly Field[]) => Action } = {
  protocol(body) {
    const { minReaderVersion, readerFeatures, writerFeatures } = protocol.parse(body);
    const listed = writerFeatures ? { writerFeatures } : {};
    return { kind: 'protocol', minReaderVersion, readerFeatures: readerFeatures ?? null, ...listed };
  },
  metaData(body) {
    const parsed = metaData.parse(body);
    const configuration = Object.entries(parsed.configuration ?? {});
    return {
      kind: 'metaData',
      id: parsed.id,
      formatProvider: parsed.format?.provider ?? 'parquet',
      schemaString: parsed.schemaString ?? null,
      partitionColumns: parsed.partitionColumns ?? [],
      configuration: new Map(configuration.filter((entry): entry is [string, string] => entry[1] !== null)),
    };
  },
  add(body, fields) {
    const bounds = fields.length === 0 ? {} : { bounds: boundsOf(body, fields) };
    return { kind: 'add', ...fileParts(body), ...bounds };
  },
  remove: (body) => ({ kind: 'remove', ...fileParts(body) }),
  cdc(body) {
    const { path, sizeBytes, partitionValues } = fileParts(body);
    return { kind: 'cdc', path, sizeBytes, partitionValues };
  },
  commitInfo(body) {
    const { timestamp, inCommitTimestamp, operation } = commitInfo.parse(body);
    return {
      kind: 'commitInfo',
      timestampMs: timestamp ?? null,
      inCommitTimestampMs: inCommitTimestamp ?? null,
      operation: operation ?? null,
    };
  },
  sidecar: (body) => ({ kind: 'sidecar', path: sidecar.parse(body).path }),
};

const knownNames = Object.keys(parsers) as KnownName[];

function fileParts(body: unknown) {
  const parsed = file.parse(body);
  return {
    path: parsed.path,
    sizeBytes: parsed.size ?? null,
    partitionValues: partitionTexts(parsed.partitionValues),
    deletionVector: descriptor(parsed.deletionVector),
    dataChange: parsed.dataChange ?? true,
    rowCount: rowCountOf(parsed.stats),
  };
}

function boundsOf(body: unknown, fields: readonly Field[]): FileBounds | null {
  const { stats, statedColumns: stated } = file.parse(body);
  if (!stated) return stats ? readStatistics(stats, fields) : null;
  return {
    rows: countOf(stated.rows),
    columns: fields.map((field, n) => {
      const { least, greatest, nulls } = stated.columns[n] ?? {};
      return columnBounds(field, { least, greatest, nulls });
    }),
  };
}

/** Statistics grow with the columns, and nearly all writers begin them with the count. */
const COUNT_COMES_FIRST = /^\s*\{\s*"numRecords"\s*:\s*(\d{1,15})\s*[,}]/;

function rowCountOf(stats: string | null | undefined): number | null {
  if (!stats) return null;
  const first = COUNT_COMES_FIRST.exec(stats)?.[1];
  if (first !== undefined) return Number(first);
  try {
    return statistics.safeParse(JSON.parse(stats)).data?.numRecords ?? null;
  } catch {
    return null;
  }
}

/** Shared by the files of unpartitioned tables, which are the majority. */
const NO_TEXTS: PartitionTexts = new Map();

function partitionTexts(values: Record<string, string | null> | null | undefined): PartitionTexts | null {
  if (!values) return null;
  const entries = Object.entries(values);
  return entries.length === 0 ? NO_TEXTS : new Map(entries);
}

function descriptor(parsed: z.infer<typeof deletionVector> | null | undefined): DeletionVectorDescriptor | null {
  if (!parsed) return null;
  return { ...parsed, offset: parsed.offset ?? null, cardinality: BigInt(parsed.cardinality) };
}

/**
 * The actions of one line of a commit or one row of a checkpoint, given as JSON text. Unknown action types and unknown
 * fields are dropped (protocol: "Actions": readers must ignore them).
 * @param fields columns for which the statistics of files are read
 * @throws ActionFormatError if the text is not a JSON object or a known action lacks a required field
 */
export function parseActions(json: string, fields: readonly Field[] = []): Action[] {
  return actionsOf(parseJson(json), fields);
}

/**
 * The same of a value that was JSON.
 * @throws ActionFormatError
 */
export function actionsOf(value: unknown, fields: readonly Field[] = []): Action[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ActionFormatError('it is not a JSON object');
  }
  const bodies = value as Readonly<Record<string, unknown>>;
  const actions: Action[] = [];
  for (const name of knownNames) {
    const body = bodies[name];
    if (body !== undefined && body !== null) actions.push(parseBody(name, body, fields));
  }
  return actions;
}

function parseBody(name: KnownName, body: unknown, fields: readonly Field[]): Action {
  try {
    return parsers[name](body, fields);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const issue = error.issues[0];
    throw new ActionFormatError(`${[name, ...(issue?.path ?? [])].join('.')} is malformed (${issue?.message})`);
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The error of JSON.parse quotes the line, and statistics in it hold row values: it must not reach a log.
    throw new TextCutShort('it is not valid JSON, perhaps cut short');
  }
}
