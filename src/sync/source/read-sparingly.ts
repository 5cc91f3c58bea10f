import type { LakeTable } from '../../lake/lake-table.js';
import { isOutOfMemory } from './engine-limits.js';

/** How many rows of a file to read at once: without a limit the engine takes up to 2,048. */
const ROWS_AT_ONCE = [512, 64, 8, 1] as const;

/**
 * Reads a source table as usual. If the engine runs out of memory, because of this table or of others that are read at
 * the same time, it is read again in an engine apart, fewer and fewer rows at a time.
 *
 * @param read reads the table that it is given; called again from the start, so nothing of a failed call may stay
 * @throws ENGINE_OUT_OF_MEMORY, and what `read` throws
 */
export async function readSparingly<Result>(
  lakeTable: LakeTable,
  signal: AbortSignal,
  read: (lakeTable: LakeTable) => Promise<Result>,
): Promise<Result> {
  let failure: unknown;
  try {
    return await read(lakeTable);
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    failure = error;
  }
  await using engine = await lakeTable.engine.apart();
  for (const rowsAtOnce of ROWS_AT_ONCE) {
    signal.throwIfAborted();
    try {
      return await read(lakeTable.readBy(engine, rowsAtOnce));
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}
