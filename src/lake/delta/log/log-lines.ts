import type { FileStore } from '../../storage/file-store.js';
import { LogFileVanished } from './log-file-vanished.js';
import { ActionFormatError } from './parse-action.js';

/** Most commits are far smaller than this: one read, and a small buffer. */
const FIRST_READ_BYTES = 64 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
/** One action; half of what a JavaScript string can hold. */
const LINE_BYTES_LIMIT = 256 * 1024 * 1024;
const NEWLINE = 0x0a;

export interface LogLine {
  /** Counted from 1. */
  readonly number: number;
  /** Undecoded, without its line end. */
  readonly bytes: Buffer;
  /** False for the rest of a file that does not end with a line end. */
  readonly isEnded: boolean;
}

/**
 * The lines of a text file in order, read in pieces so that memory holds one piece and one line. Empty lines are
 * skipped; a last line without a line end is delivered like any other.
 * @param beginning the result of `readBeginning`, if it was called earlier
 * @throws LogFileVanished if there is no such file; ActionFormatError if a line is too long to be an action
 */
export async function* readLines(
  store: FileStore,
  path: string,
  beginning = readBeginning(store, path),
): AsyncGenerator<LogLine> {
  let number = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const piece of readPieces(store, path, beginning)) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      number++;
      const rest = piece.subarray(start, end);
      const bytes = pending.length === 0 ? rest : Buffer.concat([...pending, rest]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (!isBlank(bytes)) yield { number, bytes, isEnded: true };
    }
    pending.push(piece.subarray(start));
    pendingBytes += piece.length - start;
    if (pendingBytes > LINE_BYTES_LIMIT) {
      throw new ActionFormatError(`a line is longer than ${LINE_BYTES_LIMIT} bytes`);
    }
  }
  const last = Buffer.concat(pending);
  if (!isBlank(last)) yield { number: number + 1, bytes: last, isEnded: false };
}

/** The first piece of a file, which for most commits is all of it; null if there is no such file. */
export function readBeginning(store: FileStore, path: string): Promise<Buffer | null> {
  return store.readRange(path, 0, FIRST_READ_BYTES);
}

async function* readPieces(store: FileStore, path: string, beginning: Promise<Buffer | null>): AsyncGenerator<Buffer> {
  let piece = await beginning;
  let wanted = FIRST_READ_BYTES;
  let etag: string | null = null;
  if (piece?.length === FIRST_READ_BYTES && !store.download) {
    // Pieces of a file of the disk belong together only if it stays as it is: read again from its start, as of now.
    etag = (await store.stat(path))?.etag ?? null;
    wanted = READ_BYTES;
    piece = await store.readRange(path, 0, wanted, etag);
  }
  for (let offset = 0; ; wanted = READ_BYTES) {
    if (!piece) throw new LogFileVanished(path);
    if (piece.length > 0) yield piece;
    if (piece.length < wanted) return;
    offset += piece.length;
    piece = await store.readRange(path, offset, READ_BYTES, etag);
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
