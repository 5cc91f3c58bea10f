import { createHash } from 'node:crypto';
import { z } from 'zod';
import { dataTypeText } from '../../core/data-type.js';
import type { RemoteColumn } from './row-source.js';

/** What is kept of a version until its successors are read. */
export interface ChangeBookmark {
  readonly version: bigint;
  /** `RemoteCommit.identity`. */
  readonly commit: string;
  /** A hash of the columns: the same if they have the same names and types. */
  readonly columns: string;
}

const shape = z.object({
  version: z.string().regex(/^\d+$/),
  commit: z.string(),
  columns: z.string(),
});

/** The bookmark as text that a database can keep. */
export function encodeBookmark({ version, commit, columns }: ChangeBookmark): string {
  return JSON.stringify({ version: String(version), commit, columns });
}

/** @throws if `text` does not come from `encodeBookmark` */
export function decodeBookmark(text: string): ChangeBookmark {
  const { version, ...rest } = shape.parse(JSON.parse(text));
  return { ...rest, version: BigInt(version) };
}

/** `ChangeBookmark.columns`. */
export function hashOfColumns(columns: readonly RemoteColumn[]): string {
  const texts = columns.map(({ field: { name, type } }) => `${JSON.stringify(name)} ${dataTypeText(type)}`);
  return createHash('sha256').update(texts.sort().join('\n')).digest('base64url');
}
