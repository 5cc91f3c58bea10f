import type { DataType } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';

/** The version of a snapshot from a program. A number that is not a safe integer has to be a bigint. */
export type SnapshotVersion = number | bigint | string | Date;

export const VERSION_KINDS = ['long', 'double', 'string', 'timestamp'] as const;
export type VersionKind = (typeof VERSION_KINDS)[number];

/** A version in the form that Postgres reads. */
export interface ReadVersion {
  readonly kind: VersionKind;
  readonly type: DataType;
  readonly text: string;
}

/**
 * Parses a version given by a program.
 * @param before the kind of the previous versions; null for the first
 * @throws APPLY_CHANGES_FROM_SNAPSHOT_ERROR.NULL_SNAPSHOT_VERSION, SNAPSHOT_VERSION_NOT_SORTABLE,
 *   INVALID_SNAPSHOT_VERSION_TYPE
 */
export function readSnapshotVersion(flow: string, version: unknown, before: VersionKind | null): ReadVersion {
  if (version === null || version === undefined) {
    throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.NULL_SNAPSHOT_VERSION', { flow });
  }
  const kind = kindOf(flow, version);
  if (before !== null && before !== kind) {
    throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION_TYPE', {
      flow,
      type: kind,
      before,
    });
  }
  const text = version instanceof Date ? version.toISOString() : String(version);
  return { kind, type: { kind }, text };
}

function kindOf(flow: string, version: unknown): VersionKind {
  if (typeof version === 'bigint' || (typeof version === 'number' && Number.isSafeInteger(version))) return 'long';
  if (typeof version === 'number' && !Number.isNaN(version)) return 'double';
  if (typeof version === 'string') return 'string';
  if (version instanceof Date && !Number.isNaN(version.getTime())) return 'timestamp';
  const what = Array.isArray(version) ? 'an array' : Number.isNaN(version) ? 'NaN' : `of type ${typeof version}`;
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.SNAPSHOT_VERSION_NOT_SORTABLE', { flow, what });
}

/** The version in the form in which the program gave it. */
export function toSnapshotVersion(text: string, kind: VersionKind | null): SnapshotVersion {
  switch (kind) {
    case 'long': {
      const version = BigInt(text);
      return Number.isSafeInteger(Number(version)) ? Number(version) : version;
    }
    case 'double':
      return Number(text);
    case 'timestamp':
      return new Date(text);
    default:
      return text;
  }
}
