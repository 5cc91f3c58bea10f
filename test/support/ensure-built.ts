import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const LOCK = path.join(root, 'node_modules', '.synced-tables-build-lock');
const LOCK_MS_MAX = 120_000;

let built: Promise<void> | null = null;

/**
 * Builds `dist`, which child processes run, unless it is as new as `src`. `npm test` has built it already; this is for
 * single test files, of which two may come here at once. Looks once a process: it is 400 files.
 */
export function ensureBuilt(): Promise<void> {
  built ??= buildUnlessDone();
  return built;
}

async function buildUnlessDone(): Promise<void> {
  while (!isBuilt()) {
    if (!takeLock()) {
      await sleep(200);
      continue;
    }
    try {
      if (isBuilt()) return;
      await promisify(execFile)(process.execPath, [
        path.join(root, 'node_modules/typescript/bin/tsc'),
        '-p',
        path.join(root, 'tsconfig.build.json'),
      ]);
    } finally {
      rmdirSync(LOCK);
    }
  }
}

function takeLock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const ageMs = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > LOCK_MS_MAX) throw new Error(`${LOCK} is in the way: a build that was killed left it`);
    return false;
  }
}

function isBuilt(): boolean {
  const built = statSync(path.join(root, 'dist/main.js'), { throwIfNoEntry: false });
  const builtFiles = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const newest = Math.max(
    ...builtFiles.filter((f) => f.endsWith('.ts')).map((f) => statSync(path.join(root, 'src', f)).mtimeMs),
  );
  return built !== undefined && built.mtimeMs >= newest;
}
