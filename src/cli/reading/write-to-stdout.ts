import { pipeline } from 'node:stream/promises';
import type { CopyStream } from '../../lake/engine/copy-stream.js';

/** Waits for the reader at the other end: rows it has not taken yet stay in the engine, not in memory here. */
export async function writeToStdout({ bytes, finished }: CopyStream): Promise<void> {
  try {
    await pipeline(bytes, process.stdout, { end: false });
  } catch (error) {
    // Closing the read end stops the engine, which only then frees its connection.
    bytes.destroy();
    await finished.catch(() => {});
    // `main` has reported what is wrong with standard output, or nothing if its reader has seen enough.
    if ((error as NodeJS.ErrnoException).syscall === 'write') return;
    throw error;
  }
  await finished;
}
