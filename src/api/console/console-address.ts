import type { Settings } from '../../settings/settings-schema.js';

/**
 * The address of the console: below `api.public_url` where the settings have one, for that is how people reach it.
 * @param url that the server listens on
 * @returns null if the settings switch it off
 */
export function consoleAddress({ api, console: choices }: Settings, url: string): string | null {
  if (!choices.enabled) return null;
  return `${(api.public_url ?? url).replace(/\/$/, '')}/console/`;
}

/** Path of the server as browsers see it, with a slash at its end: `/` unless `api.public_url` has a path. */
export function publicPath({ api }: Settings): string {
  const { pathname } = new URL(api.public_url ?? 'http://localhost');
  return pathname.endsWith('/') ? pathname : `${pathname}/`;
}
