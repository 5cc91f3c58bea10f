import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import type { EmbeddedMajor } from '../../src/embedded/postgres-package.js';
import type { TestServer } from './test-server.js';

/** In memory, where a new cluster takes a tenth of the time; not every system has it. */
const memoryFolder = '/dev/shm';

/**
 * A server for one test or file alone: for settings that others cannot live with, and for what waits for everybody's
 * transactions, as a new replication slot does. `await using server = await startOwnServer(18)` ends and removes it.
 */
export async function startOwnServer(
  major: EmbeddedMajor,
  settings: Readonly<Record<string, string>> = {},
): Promise<TestServer & AsyncDisposable> {
  const folder = mkdtempSync(path.join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), 'test-server-'));
  chmodSync(folder, 0o755); // the server may run as another user
  const dataDir = path.join(folder, 'data');
  const server = await startEmbeddedPostgres({ major, dataDir, settings: { fsync: 'off', ...settings } });
  return {
    name: `PostgreSQL ${major}`,
    major,
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      await server.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
