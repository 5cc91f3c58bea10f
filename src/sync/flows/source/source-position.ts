import { z } from 'zod';
import { VERSION_KINDS, type VersionKind } from './snapshot-version.js';

/** How far each table is that a flow reads, by its name; JSON. */
export type SourcePosition = Readonly<Record<string, TablePosition>>;

export type TablePosition =
  | {
      readonly kind: 'lake';
      readonly version: string;
      readonly tableId: string | null;
      readonly bookmark: string | null;
    }
  /** Transactions below had all ended: what they wrote has been read. */
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

/** What is kept after a snapshot that a function gave, beside the snapshot's version. */
export interface FunctionPosition {
  readonly versionKind: VersionKind;
}

const functionPosition: z.ZodType<FunctionPosition> = z.strictObject({ versionKind: z.enum(VERSION_KINDS) });

/**
 * Where a flow that reads tables goes on.
 * @param position as it was committed with the last batch
 * @returns null before the first batch, and where a function gave the snapshots before
 */
export function readSourcePosition(position: unknown): SourcePosition | null {
  if (position === null || functionPosition.safeParse(position).success) return null;
  return tablePositions.parse(position);
}

/** Of which kind the versions were that a function gave; null before the first, and where tables were read before. */
export function readVersionKind(position: unknown): VersionKind | null {
  return functionPosition.safeParse(position).data?.versionKind ?? null;
}
