import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';

/** A file or a folder, as it is told. */
export interface WorkspaceEntry {
  readonly path: string;
  readonly kind: 'FILE' | 'DIRECTORY';
  readonly id: number;
  readonly bytes: number;
  /** Milliseconds since 1970; null for a folder that nobody has made yet. */
  readonly createdAtMs: number | null;
  readonly modifiedAtMs: number | null;
}

/**
 * What is told of a path.
 * @param stats null for a folder that is only thought of
 */
export function entryOf(shown: string, stats: Stats | null): WorkspaceEntry {
  return {
    path: shown,
    kind: stats === null || stats.isDirectory() ? 'DIRECTORY' : 'FILE',
    id: idOf(shown),
    bytes: stats?.size ?? 0,
    createdAtMs: stats === null ? null : Math.floor(stats.birthtimeMs || stats.mtimeMs),
    modifiedAtMs: stats === null ? null : Math.floor(stats.mtimeMs),
  };
}

/** Ids are numbers, and belong to a path. */
export function idOf(shown: string): number {
  const plain = shown.replace(/^\/Workspace(?=\/|$)/, '') || '/';
  return createHash('sha256').update(plain).digest().readUIntBE(0, 6);
}
