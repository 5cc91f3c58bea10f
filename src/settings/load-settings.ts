import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { type Settings, settingsSchema } from './settings-schema.js';

export interface SettingsSource {
  /** The file named by `--config`. */
  readonly file?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
}

const DEFAULT_FILE = 'synced-tables.yaml';

/**
 * Reads the settings: the file of `--config`, else of SYNCED_TABLES_CONFIG, else ./synced-tables.yaml. Without a file
 * DATABASE_URL gives an instance named `local`, and SYNCED_TABLES_LAKE a path catalog named `lake`.
 * @throws AggregateError with one SETTINGS_… error for each wrong setting
 */
export function loadSettings(source: SettingsSource): Settings {
  const { environment, workingFolder } = source;
  const named = source.file ?? environment.SYNCED_TABLES_CONFIG;
  const file = resolve(workingFolder, named ?? DEFAULT_FILE);
  if (named === undefined && !existsSync(file)) return settingsFromEnvironment(environment, workingFolder);
  const problems: SyncedTablesError[] = [];
  const raw = fillReferences(readFile(file), environment, file, [], problems);
  if (problems.length > 0) throw new AggregateError(problems, 'the settings are wrong');
  return withAbsoluteFolders(check(raw, file), dirname(file));
}

function settingsFromEnvironment(environment: SettingsSource['environment'], workingFolder: string): Settings {
  const { DATABASE_URL: url, SYNCED_TABLES_LAKE: root } = environment;
  if (!url) throw new AggregateError([syncedTablesError('SETTINGS_MISSING', {})], 'the settings are missing');
  const catalogs = root ? { lake: { kind: 'path', root } } : {};
  return withAbsoluteFolders(check({ instances: { local: { url } }, catalogs }, 'the environment'), workingFolder);
}

function readFile(file: string): unknown {
  try {
    return parseYaml(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    throw new AggregateError(
      [syncedTablesError('SETTINGS_UNREADABLE', { file, reason: reason.replace(/[.:]$/, '') }, error)],
      'the settings cannot be read',
    );
  }
}

/** Replaces `${NAME}` in every text by the environment variable of that name. */
function fillReferences(
  value: unknown,
  environment: SettingsSource['environment'],
  origin: string,
  path: readonly PropertyKey[],
  problems: SyncedTablesError[],
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)\}/g, (reference, name: string) => {
      const found = environment[name];
      if (found !== undefined) return found;
      const allowed = 'the name of an environment variable that is set';
      problems.push(
        syncedTablesError('SETTINGS_INVALID', { setting: path.join('.'), found: `"${reference}"`, allowed, origin }),
      );
      return reference;
    });
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => fillReferences(item, environment, origin, [...path, index], problems));
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      fillReferences(item, environment, origin, [...path, key], problems),
    ]),
  );
}

function check(raw: unknown, origin: string): Settings {
  const result = settingsSchema.safeParse(raw, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, raw, origin));
  throw new AggregateError(problems, 'the settings are wrong');
}

function describeIssue(issue: z.core.$ZodIssue, raw: unknown, origin: string): SyncedTablesError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const setting = [...issue.path, key].join('.');
      return syncedTablesError('SETTINGS_INVALID', {
        setting,
        found: 'unknown',
        allowed: 'nothing of this name',
        origin,
      });
    });
  }
  const setting = issue.path.join('.') || 'file';
  return [
    syncedTablesError('SETTINGS_INVALID', {
      setting,
      found: describeValue(issue.path, raw),
      allowed: allowed(issue),
      origin,
    }),
  ];
}

function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `a value of type ${issue.expected}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(', ');
    case 'invalid_union':
      return 'kind: path';
    default:
      return issue.message;
  }
}

/** The value as found; of connection strings only that there is one, since they hold passwords. */
function describeValue(path: readonly PropertyKey[], raw: unknown): string {
  let value: unknown = raw;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  if (value === undefined) return 'missing';
  const last = path.at(-1);
  if (last === 'url' || last === 'token') return 'not shown here';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Folders are relative to the settings file, wherever the sidecar was started. */
function withAbsoluteFolders(settings: Settings, base: string): Settings {
  const catalogs = Object.fromEntries(
    Object.entries(settings.catalogs).map(([name, catalog]) => [
      name,
      { ...catalog, root: resolve(base, catalog.root) },
    ]),
  );
  return { ...settings, catalogs };
}
