import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, existsSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorMap, promisify } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import { asSyncedTablesError } from '../../core/errors.js';
import { quoteLiteral } from '../../core/names.js';
import { PipeBlocks } from '../../core/pipe-blocks.js';
import type { TextFormat } from './copy-value.js';

/** Rows encoded for COPY. */
export interface CopyStream {
  /** The encoded rows. Their end does not imply success: see `finished`. */
  readonly bytes: Readable;
  /** Settles before `bytes` ends: the number of rows written, or the engine's error. */
  readonly finished: Promise<bigint>;
}

const WRITER_OPTIONS: Readonly<Record<TextFormat, string>> = {
  text: `delimiter '\t', quote '', escape '', nullstr '\\N', header false`,
  csv: `delimiter ',', quote '"', escape '"', nullstr '', header true`,
};

/** Before version 18, COPY takes a line that reads `\.` for the end of a CSV file, unless it is quoted. */
async function quoting(connection: DuckDBConnection, select: string, format: TextFormat): Promise<string> {
  if (format !== 'csv') return '';
  const described = await connection.runAndReadAll(`describe ${select}`);
  return described.currentRowCount === 1 ? ', force_quote (*)' : '';
}

/** SELECTs run one after another; each receives the row count of the previous one. */
export type CopySelects = AsyncGenerator<string, void, bigint>;

/** How often to check on a writer whose reader has gone. */
const UNBLOCK_MS = 10;

/**
 * Runs `selects`, whose columns are COPY values (see `copyValue`), and delivers its rows through a FIFO: DuckDB writes
 * bytes, Node forwards them, no row becomes a JavaScript object.
 *
 * Both ends of the FIFO are opened here, without blocking, before the engine opens it: a blocking open would hold a
 * thread that the engine needs. Our own write end stays open until the engine is done, so the stream can only end
 * after `finished` has settled; a reader that waits for both never takes a torn stream for a whole one.
 *
 * All write into one FIFO, so that their rows arrive as those of one. Where a reader leaves between two of them, the
 * next writer would wait in vain for one when it opens the FIFO: it is let in, and finds the FIFO closed.
 *
 * @param connection used by nobody else until `finished` settles
 * @param scratchFolder where the FIFO is made
 */
export async function openCopyStream(
  connection: DuckDBConnection,
  selects: string | CopySelects,
  format: TextFormat,
  scratchFolder: string,
): Promise<CopyStream> {
  const path = takeIdleFifo(scratchFolder) ?? (await makeFifo(scratchFolder));
  const { readEnd, guard } = openEnds(path);
  const bytes = new PipeBlocks(readEnd);
  let isSettled = false;
  let isHung = false;
  const finished = writeAll(connection, typeof selects === 'string' ? oneSelect(selects) : selects, {
    format,
    path,
    isRead: () => !bytes.closed,
  })
    .catch((error: unknown) => {
      isHung = asSyncedTablesError(error)?.code === 'SOURCE_READ_TIMEOUT';
      throw error;
    })
    .finally(() => {
      isSettled = true;
      closeSync(guard);
      // The engine still has its end open, so the bytes would never end.
      if (isHung) bytes.destroy();
    });
  const readEndClosed = new Promise((closed) => bytes.once('close', closed));
  // With all ends closed the FIFO is empty, and the next stream may use it; one that hangs may write into it yet.
  Promise.allSettled([finished, readEndClosed]).then(() => (isHung ? rmSync(path, { force: true }) : leaveIdle(path)));
  bytes.once('close', async () => {
    while (!isSettled) {
      letIn(path);
      await sleep(UNBLOCK_MS);
    }
  });
  // The consumer learns of a failure through `finished`; until then it must not count as unhandled.
  finished.catch(() => {});
  return { bytes, finished };
}

/** Both ends or, where the system refuses one, none: then the FIFO is left for the next stream. */
function openEnds(path: string): { readonly readEnd: number; readonly guard: number } {
  let readEnd: number | null = null;
  try {
    readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { readEnd, guard: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
  } catch (error) {
    if (readEnd !== null) closeSync(readEnd);
    leaveIdle(path);
    throw error;
  }
}

/** Lets a writer go on that waits for a reader. */
function letIn(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch {
    // The limit of open files, which may have room in a moment.
  }
}

async function* oneSelect(select: string): CopySelects {
  yield select;
}

async function writeAll(
  connection: DuckDBConnection,
  selects: CopySelects,
  target: { readonly format: TextFormat; readonly path: string; readonly isRead: () => boolean },
): Promise<bigint> {
  const { format, path } = target;
  let rows = 0n;
  let options: string | null = null;
  try {
    for (let step = await selects.next(0n); step.done !== true; ) {
      if (!target.isRead()) throw new Error('nobody reads the rows any more');
      options = options === null ? await writerOptions(connection, step.value, format) : headless(options);
      const result = await connection.run(
        `copy (${step.value}) to ${quoteLiteral(path)} (format csv, ${options}, use_tmp_file false)`,
      );
      const written = BigInt(String((await result.getRowsJson())[0]?.[0]));
      rows += written;
      step = await selects.next(written);
    }
    return rows;
  } finally {
    await selects.return();
  }
}

async function writerOptions(connection: DuckDBConnection, select: string, format: TextFormat): Promise<string> {
  return `${WRITER_OPTIONS[format]}${await quoting(connection, select, format)}`;
}

/** Column names are written only once. */
function headless(options: string): string {
  return options.replace('header true', 'header false');
}

/** Making a FIFO spawns a process, which costs more than a small stream: used ones are kept. */
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
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', path], { env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    throw asSystemError(error, path);
  }
  return path;
}

/** What the program says was wrong, as Node's own calls say it; another error as it is. */
function asSystemError(error: unknown, path: string): unknown {
  const said = String((error as { stderr?: unknown }).stderr ?? '').toLowerCase();
  const known = [...getSystemErrorMap().values()].find(([, words]) => said.includes(words));
  if (!known) return error;
  const [code, words] = known;
  return Object.assign(new Error(`${code}: ${words}, mkfifo '${path}'`, { cause: error }), {
    code,
    syscall: 'mkfifo',
    path,
  });
}

function leaveIdle(path: string): void {
  // The scratch folder is removed with the engine, perhaps sooner than this.
  if (existsSync(path)) renameSync(path, `${path}${IDLE}`);
}
