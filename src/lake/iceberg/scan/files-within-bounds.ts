import type { Field } from '../../../core/data-type.js';
import { asSyncedTablesError } from '../../../core/errors.js';
import { dateBound, timeBound } from '../../data-files/bound-texts.js';
import {
  boundedConditions,
  type ColumnBounds,
  type FileBounds,
  filesWithinStated,
} from '../../data-files/stated-bounds.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import type { ReadHint } from '../../read-hint.js';
import { decimalText, identityOf, signedNumber } from '../files/partition-values.js';
import type { ContentFile } from '../manifests/content-file.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';
import { readSnapshotFiles } from '../snapshot/iceberg-snapshot.js';
import type { StateOptions } from '../snapshot/table-state.js';

/**
 * The data files in which rows may fulfil the condition of a hint, as far as the manifests state the values in them. The
 * manifests are read once more for that: most tables are read without a filter.
 */
export async function filesWithinBounds(
  snapshot: IcebergSnapshot,
  hint: ReadHint | undefined,
  options: StateOptions & { readonly engine: Engine },
): Promise<readonly ContentFile[]> {
  const { dataFiles: files, state } = snapshot;
  const conditions = boundedConditions(hint?.condition, snapshot.columns);
  if (conditions === null || hint?.isProof === true || state.entry === null || files.length === 0) return files;
  const { fields } = conditions;
  const metricsOf = new Set(fields.map(({ fieldId = -1 }) => fieldId));
  const described = await readSnapshotFiles(state, state.entry, options, metricsOf).catch((error: unknown) => {
    // The snapshot has expired meanwhile: then nothing is known of its files, which may still be there.
    if (asSyncedTablesError(error)?.code === 'SOURCE_FILE_MISSING') return [];
    throw error;
  });
  const byPath = new Map(described.map((file) => [file.statedPath, file]));
  const stated = files.map(({ statedPath }) => {
    const file = byPath.get(statedPath);
    return file === undefined ? null : boundsOf(file, fields);
  });
  return filesWithinStated(options.engine, files, { conditions, stated });
}

function boundsOf(file: ContentFile, fields: readonly Field[]): FileBounds {
  return { rows: file.recordCount, columns: fields.map((field) => columnBounds(file, field)) };
}

const UNKNOWN: ColumnBounds = { least: null, greatest: null, nulls: null };

function columnBounds({ metrics, spec, partition }: ContentFile, field: Field): ColumnBounds {
  const identity = identityOf(spec, field.fieldId);
  const ofPartition = identity === null ? undefined : partition.get(identity);
  if (typeof ofPartition === 'string' && field.type.kind === 'string') {
    return { least: ofPartition, greatest: ofPartition, nulls: 0n };
  }
  const found = metrics?.get(field.fieldId ?? -1);
  if (found === undefined) return UNKNOWN;
  return { least: boundText(field, found.least), greatest: boundText(field, found.greatest), nulls: found.nulls };
}

/**
 * A bound as text (specification: "Binary single-value serialization"). The type of the column may be wider than it was
 * when the file was written; of greatest texts that were cut the specification wants what follows them.
 */
function boundText({ type }: Field, bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  switch (type.kind) {
    case 'integer':
    case 'long':
      return wholeNumber(bytes)?.toString() ?? null;
    case 'decimal':
      return bytes.length === 0 ? null : decimalText(signedNumber(bytes), type.scale);
    case 'string':
      return isUtf8(bytes) ? bytes.toString('utf8') : null;
    case 'date':
      return bytes.length === 4
        ? dateBound(isoText(BigInt(bytes.readInt32LE()) * DAY_MICROSECONDS)?.slice(0, 10))
        : null;
    case 'timestamp':
    case 'timestamp_ntz': {
      const micros = wholeNumber(bytes);
      // Days, of the time before the column became a timestamp.
      const moment = micros === null ? null : isoText(bytes.length === 4 ? micros * DAY_MICROSECONDS : micros);
      return timeBound(moment, type.kind === 'timestamp' ? 'stated' : 'none');
    }
    default:
      return null;
  }
}

const DAY_MICROSECONDS = 86_400_000_000n;

function wholeNumber(bytes: Buffer): bigint | null {
  if (bytes.length === 4) return BigInt(bytes.readInt32LE());
  return bytes.length === 8 ? bytes.readBigInt64LE() : null;
}

/** Null beyond four digits of the year. */
function isoText(micros: bigint): string | null {
  const millis = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const date = new Date(Number(millis));
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return null;
  return `${date.toISOString().slice(0, -1)}${String(micros - millis * 1000n).padStart(3, '0')}Z`;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}
