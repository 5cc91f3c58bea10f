import { z } from 'zod';
import { VERSION_KINDS, type VersionKind } from './snapshot-version.js';

/** The position in each table that a flow reads, by table name; JSON. */
export type SourcePosition = Readonly<Record<string, TablePosition>>;

export type TablePosition =
  | {
      readonly kind: 'lake';
      readonly version: string;
      readonly tableId: string | null;
      readonly bookmark: string | null;
    }
  /** All transactions below it had ended: what they wrote has been read. */
  | { readonly kind: 'postgres'; readonly xid: string };

const tablePositions: z.ZodType<SourcePosition> = z.record(
  z.string(),
  z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('lake'),
      version: z.string(),
      tableId: z.string().nullable(),
      bookmark: z.string().nullable(),
    }),
    z.object({ kind: z.literal('postgres'), xid: z.string() }),
  ]),
);

/** Kept after a snapshot from a function, beside the snapshot's version. */
export interface FunctionPosition {
  readonly versionKind: VersionKind;
}

const functionPosition: z.ZodType<FunctionPosition> = z.strictObject({ versionKind: z.enum(VERSION_KINDS) });

/**
 * Where a flow that reads tables continues.
 * @param position as committed with the last batch
 * @returns null before the first batch, and if a function gave the previous snapshots
 */
export function readSourcePosition(position: unknown): SourcePosition | null {
  if (position === null || functionPosition.safeParse(position).success) return null;
  return tablePositions.parse(position);
}

/** The kind of versions that a function gave; null before the first, and if tables were read before. */
export function readVersionKind(position: unknown): VersionKind | null {
  return functionPosition.safeParse(position).data?.versionKind ?? null;
}
