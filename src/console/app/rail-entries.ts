import type { IconName } from '../parts/icon.js';

interface RailEntry {
  readonly path: string;
  readonly word: string;
  readonly icon: IconName;
  /** Pressed after `g`. */
  readonly key?: string;
  /** Whether the bar of a narrow window has it; the others are below "More". */
  readonly isFirst?: true;
}

/** What the rail leads to, in its order. */
export const railEntries: readonly RailEntry[] = [
  { path: '/tables', word: 'Tables', icon: 'table', key: 't', isFirst: true },
  { path: '/catalog', word: 'Catalog', icon: 'catalog', key: 'c', isFirst: true },
  { path: '/pipelines', word: 'Pipelines', icon: 'pipeline', key: 'p' },
  { path: '/events', word: 'Events', icon: 'event', key: 'e', isFirst: true },
  { path: '/databases', word: 'Databases', icon: 'database', key: 'd' },
  { path: '/tokens', word: 'Tokens', icon: 'token' },
  { path: '/errors', word: 'Help', icon: 'help' },
];
