import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, existsSync, openSync, readdirSync, renameSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '../../core/names.js';
import type { CopyFormat } from './copy-value.js';

/** Rows on their way in the bytes of COPY. */
export interface CopyStream {
  /** The bytes. Its end says nothing about success: see `finished`. */
  readonly bytes: Readable;
  /** Settles before `bytes` ends: the number of rows written, or the engine's error. */
  readonly finished: Promise<bigint>;
}

const WRITER_OPTIONS: Readonly<Record<CopyFormat, string>> = {
  text: `delimiter '\t', quote '', escape '', nullstr '\\N', header false`,
  csv: `delimiter ',', quote '"', escape '"', nullstr '', header true`,
};

/** Before version 18, COPY takes a line that reads `\.` for the end of a CSV file, unless it is quoted. */
async function quoting(connection: DuckDBConnection, select: string, format: CopyFormat): Promise<string> {
  if (format === 'text') return '';
  const described = await connection.runAndReadAll(`describe ${select}`);
  return described.currentRowCount === 1 ? ', force_quote (*)' : '';
}

/**
 * Runs `select`, whose columns are COPY values (see `copyValue`), and delivers its rows through a FIFO: DuckDB writes
 * bytes, Node forwards them, no row becomes a JavaScript object.
 *
 * Both ends of the FIFO are opened here, without blocking, before the engine opens it: a blocking open would hold a
 * thread that the engine needs. Our own write end stays open until the engine is done, so the stream can only end
 * after `finished` has settled; a reader that waits for both never takes a torn stream for a whole one.
 *
 * @param connection used by nobody else until `finished` settles
 * @param scratchFolder where the FIFO is made
 */
export async function openCopyStream(
  connection: DuckDBConnection,
  select: string,
  format: CopyFormat,
  scratchFolder: string,
): Promise<CopyStream> {
  const options = `${WRITER_OPTIONS[format]}${await quoting(connection, select, format)}`;
  const path = takeIdleFifo(scratchFolder) ?? (await makeFifo(scratchFolder));
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const guard = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const bytes = new Socket({ fd: readEnd, readable: true, writable: false });
  const readEndClosed = new Promise((closed) => bytes.once('close', closed));
  const finished = connection
    .run(`copy (${select}) to ${quoteLiteral(path)} (format csv, ${options}, use_tmp_file false)`)
    .then((result) => result.getRowsJson())
    .then((rows) => BigInt(String(rows[0]?.[0])))
    .finally(() => closeSync(guard));
  // With all ends closed nothing is left in it, and the next stream may have it.
  Promise.allSettled([finished, readEndClosed]).then(() => leaveIdle(path));
  // Whoever holds the stream hears of a failure through `finished`; until then it must not count as unhandled.
  finished.catch(() => {});
  return { bytes, finished };
}

/** Making a FIFO takes a process of its own, which costs more than a small stream: used ones are kept. */
const IDLE = '.idle';

function takeIdleFifo(folder: string): string | null {
  const name = readdirSync(folder).find((entry) => entry.endsWith(IDLE));
  if (name === undefined) return null;
  const path = join(folder, name.slice(0, -IDLE.length));
  renameSync(join(folder, name), path);
  return path;
}

async function makeFifo(folder: string): Promise<string> {
  const path = join(folder, `${randomUUID()}.fifo`);
  await promisify(execFile)('mkfifo', ['-m', '600', path]);
  return path;
}

function leaveIdle(path: string): void {
  // The scratch folder goes with the engine, perhaps sooner than this.
  if (existsSync(path)) renameSync(path, `${path}${IDLE}`);
}
