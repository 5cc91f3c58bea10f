import { open } from 'node:fs/promises';

/**
 * Creates a file of `sizeBytes` and writes what `deliver` passes on, one piece after another from `offset` on. Holes
 * take no disk space.
 * @returns what `deliver` returns
 */
export async function writeBody<Result>(
  file: { readonly destination: string; readonly offset: number; readonly sizeBytes: number },
  deliver: (write: (chunk: Buffer) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const handle = await open(file.destination, 'wx', 0o600);
  try {
    if (file.offset > 0) await handle.truncate(file.sizeBytes);
    let position = file.offset;
    return await deliver(async (chunk) => {
      for (let written = 0; written < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position);
        written += bytesWritten;
        position += bytesWritten;
      }
    });
  } finally {
    await handle.close();
  }
}
