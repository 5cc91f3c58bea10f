import { readFileSync } from 'node:fs';
import { syncedTablesError } from '../core/errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
};

/**
 * The environment variable `name`, else what is in the file that `<name>_FILE` names: secrets of containers are files, and
 * a process's environment can be seen by others. A line break at the end of the file is not part of it.
 * @returns undefined if neither is set
 * @throws AggregateError with SETTINGS_SECRET_UNREADABLE
 */
export function environmentValue(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const value = environment[name];
  if (value !== undefined) return value;
  const variable = `${name}_FILE`;
  const file = environment[variable];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? message;
    throw new AggregateError(
      [syncedTablesError('SETTINGS_SECRET_UNREADABLE', { file, variable, name, reason }, error)],
      'a secret of the settings cannot be read',
    );
  }
}
