import type { LiveState } from '../data/live.js';
import { counted } from '../words/numbers.js';

/** Texts of the frame around the screens. */
export const shellTexts = {
  lost: 'Connection lost',
  skip: 'Skip to the content',
  actsAs: (role: string) => `Calls act as role ${role}`,
  nobody: 'No sign-in',
  failing: (count: number) => `${counted(count, 'table has', 'tables have')} failed`,
  readOnly: (role: string) => `Read only: role ${role}`,
  signOut: 'Sign out',
  openAccess: (role: string) => `No token exists. Whoever can use this machine acts as role ${role}.`,
  createToken: 'Create a token',
  search: 'Search tables, places and error codes',
  hits: 'What was found',
  noHits: 'Nothing is found.',
  place: 'place',
  errorCode: 'error code',
  keys: 'Keys',
  singleKeys: 'Single letters do something',
  close: 'Close',
  pause: 'Pause: show nothing new until you go on',
  resume: 'Go on: ask for what is new',
  preferences: 'Preferences',
  toLight: 'Light colours',
  toDark: 'Dark colours',
  notFound: 'Nothing is here',
  notFoundWhy: 'This address belongs to no screen.',
  toTables: 'All tables',
  screenFailed: 'This screen could not be loaded.',
  screenFailedWhy: 'The sidecar may have been stopped, or replaced by another release. Load the page again.',
  reload: 'Load again',
} as const;

/** How fresh the shown data is kept. @param now milliseconds */
export function liveWords(live: LiveState, now: number): string {
  switch (live.kind) {
    case 'live':
      return 'Live';
    case 'polling':
      return 'Every 30 s';
    case 'paused':
      return 'Paused';
    case 'lost':
      return `retrying in ${Math.max(1, Math.round((live.retryAt - now) / 1000))} s`;
  }
}
