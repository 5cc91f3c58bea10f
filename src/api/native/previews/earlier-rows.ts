import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from '../../../core/error-catalogue.js';
import { SyncedTablesError } from '../../../core/errors.js';
import { keyOf, type PreviewDraft } from './preview-draft.js';
import type { VersionedRows } from './preview-job.js';

// What the rows of a preview said, kept as JSON for later previews: any sidecar may be asked for those.

const count = z.string().transform((text) => BigInt(text));
const keyChoice = z.object({
  keyColumns: z.array(z.string()),
  timeseriesKey: z.string().nullable(),
  chosenColumns: z.array(z.string()).nullable(),
  rowFilter: z.string().nullable(),
});
const earlierRows = z.object({
  source: z.string(),
  choice: keyChoice,
  rows: z.object({
    version: count.nullable(),
    rowCount: count.nullable(),
    keyCandidates: z.array(z.string()).nullable(),
    primaryKey: z
      .object({ columns: z.array(z.string()), rowsWithNull: count, duplicateKeys: count, duplicateRows: count })
      .nullable(),
    tiedKeys: count.nullable(),
    nulColumns: z.array(z.object({ column: z.string(), rows: count })),
    filesRead: z
      .object({ files: z.int(), bytes: count.nullable(), allFiles: z.int(), allBytes: count.nullable() })
      .exactOptional(),
    tooLarge: z
      .object({
        code: z.custom<ErrorCode>((code) => String(code) in errorCatalogue),
        message: z.string(),
        remedy: z.string(),
      })
      .transform(({ code, message, remedy }) => new SyncedTablesError(code, message, remedy))
      .nullable(),
  }),
});

/** Rows that were read, and what for. */
export type EarlierRows = z.output<typeof earlierRows>;

/** What the rows of a draft said, as JSON. */
export function earlierRowsOf(draft: PreviewDraft, { tooLarge, ...rows }: VersionedRows): object {
  const told = tooLarge && { code: tooLarge.code, message: tooLarge.message, remedy: tooLarge.remedy };
  const found = { source: draft.report.name, choice: keyOf(draft), rows: { ...rows, tooLarge: told } };
  return JSON.parse(JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
}

/** The opposite of `earlierRowsOf`; null for null. */
export function readEarlierRows(json: unknown): EarlierRows | null {
  return earlierRows.nullable().parse(json);
}

/** What the rows of an earlier preview are for another draft; null if they are others, or of another version. */
export function rowsFor(draft: PreviewDraft, earlier: EarlierRows | null): VersionedRows | null {
  const { report } = draft;
  if (earlier === null || earlier.source !== report.name) return null;
  if (earlier.rows.version !== report.details.snapshot.version) return null;
  const [wanted, checked] = [keyOf(draft), earlier.choice];
  const isOf = (choice: ReturnType<typeof keyOf>) => JSON.stringify([choice.chosenColumns, choice.rowFilter]);
  if (isOf(wanted) !== isOf(checked)) return null;
  const isOfKey = (choice: ReturnType<typeof keyOf>) => JSON.stringify([choice.keyColumns, choice.timeseriesKey]);
  return isOfKey(wanted) === isOfKey(checked) ? earlier.rows : { ...earlier.rows, primaryKey: null, tiedKeys: null };
}
