import { setZone } from '../words/times.js';

/** In which zone exact times are shown. */
export type Zone = 'local' | 'utc';

const KEY = 'synced-tables.zone';

export function preferredZone(): Zone {
  return localStorage.getItem(KEY) === 'utc' ? 'utc' : 'local';
}

export function applyZone(): void {
  setZone(preferredZone());
}

export function preferZone(zone: Zone): void {
  if (zone === 'utc') localStorage.setItem(KEY, zone);
  else localStorage.removeItem(KEY);
  applyZone();
}
