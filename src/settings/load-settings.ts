import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { describeIssue, isMapping } from './describe-issue.js';
import { environmentValue } from './environment-value.js';
import { knownKeys } from './known-keys.js';
import { type Settings, settingsSchema } from './settings-schema.js';

export interface SettingsSource {
  /** The file named by `--config`. */
  readonly file?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** False for commands that only read source tables: instances are then neither required nor checked. Default true. */
  readonly needsPostgres?: boolean;
}

const DEFAULT_FILE = 'synced-tables.yaml';

/** The variable behind a setting when there is no file. */
const VARIABLES: Readonly<Record<string, string>> = {
  'instances.local.url': 'DATABASE_URL',
  'instances.local.direct_url': 'DATABASE_DIRECT_URL',
  'instances.local.password_file': 'DATABASE_PASSWORD_FILE',
  'instances.local.password_command': 'DATABASE_PASSWORD_COMMAND',
  'catalogs.lake.root': 'SYNCED_TABLES_LAKE',
  'api.host': 'SYNCED_TABLES_HOST',
  'api.port': 'SYNCED_TABLES_PORT',
  'api.first_token.token': 'SYNCED_TABLES_FIRST_TOKEN',
};

/** The file that `loadSettings` reads; null if the settings come from the environment. */
export function originOfSettings({ file, environment, workingFolder }: SettingsSource): string | null {
  const named = file ?? (environment.SYNCED_TABLES_CONFIG || undefined);
  const path = resolve(workingFolder, named ?? DEFAULT_FILE);
  return named === undefined && !existsSync(path) ? null : path;
}

/**
 * Reads the settings: the file of `--config`, else of SYNCED_TABLES_CONFIG, else ./synced-tables.yaml. Without a file
 * DATABASE_URL (or the file that DATABASE_URL_FILE names) gives an instance named `local`, with DATABASE_DIRECT_URL,
 * DATABASE_PASSWORD_FILE and DATABASE_PASSWORD_COMMAND if they are set, and SYNCED_TABLES_LAKE a path catalog named `lake`. Where
 * `api` does not say host, port or first token, SYNCED_TABLES_HOST, SYNCED_TABLES_PORT and SYNCED_TABLES_FIRST_TOKEN do.
 * @throws AggregateError with one SETTINGS_… error for each wrong setting
 */
export function loadSettings(source: SettingsSource): Settings {
  const { environment, workingFolder, needsPostgres = true } = source;
  const file = originOfSettings(source);
  if (file === null) return settingsFromEnvironment(environment, workingFolder, needsPostgres);
  const written = readFile(file);
  if (!needsPostgres && isMapping(written)) delete written.instances;
  const problems: SyncedTablesError[] = [];
  const raw = fillReferences(written, { environment, origin: file, problems }, []);
  if (problems.length > 0) throw new AggregateError(problems, 'the settings are wrong');
  const settings = checkSettings(withEnvironmentDefaults(raw, environment), { written, file });
  if (needsPostgres && Object.keys(settings.instances).length === 0) {
    const details = { setting: 'instances', found: 'missing', allowed: 'at least one Postgres server', origin: file };
    throw new AggregateError([syncedTablesError('SETTINGS_INVALID', details)], 'the settings are wrong');
  }
  return withAbsoluteFolders(settings, dirname(file));
}

/** The instance that DATABASE_URL and the variables beside it define, as a settings file would have it. */
export function instanceFromEnvironment(environment: SettingsSource['environment']): object {
  const all = {
    url: environmentValue('DATABASE_URL', environment),
    direct_url: environmentValue('DATABASE_DIRECT_URL', environment),
    password_file: environment.DATABASE_PASSWORD_FILE,
    password_command: environment.DATABASE_PASSWORD_COMMAND,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
}

function settingsFromEnvironment(
  environment: SettingsSource['environment'],
  workingFolder: string,
  needsPostgres: boolean,
): Settings {
  const url = environmentValue('DATABASE_URL', environment);
  const { SYNCED_TABLES_LAKE: root } = environment;
  if (needsPostgres && !url) {
    throw new AggregateError([syncedTablesError('SETTINGS_MISSING', {})], 'the settings are missing');
  }
  const raw = {
    instances: needsPostgres ? { local: instanceFromEnvironment(environment) } : {},
    catalogs: root ? { lake: { kind: 'path', root } } : {},
  };
  return withAbsoluteFolders(checkSettings(withEnvironmentDefaults(raw, environment)), workingFolder);
}

/**
 * Settings of `api` that the environment may give where the file does not: an image says where it listens, and whoever
 * starts it, what the first token is, without a file.
 */
function withEnvironmentDefaults(raw: unknown, environment: SettingsSource['environment']): unknown {
  if (!isMapping(raw) || (raw.api !== undefined && !isMapping(raw.api))) return raw;
  const host = environment.SYNCED_TABLES_HOST;
  const port = environment.SYNCED_TABLES_PORT;
  const token = environmentValue('SYNCED_TABLES_FIRST_TOKEN', environment);
  const given = {
    ...(host ? { host } : {}),
    ...(port ? { port: /^\d+$/.test(port) ? Number(port) : port } : {}),
    ...(token ? { first_token: { token } } : {}),
  };
  return { ...raw, api: { ...given, ...raw.api } };
}

function readFile(file: string): unknown {
  try {
    // A key such as `null` of csv is a name too.
    return parseYaml(readFileSync(file, 'utf8'), { stringKeys: true }) ?? {};
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n');
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : line;
    throw new AggregateError(
      [syncedTablesError('SETTINGS_UNREADABLE', { file, reason: reason.replace(/[.:]$/, '') }, error)],
      'the settings cannot be read',
    );
  }
}

interface References {
  readonly environment: SettingsSource['environment'];
  readonly origin: string;
  readonly problems: SyncedTablesError[];
}

/** Replaces `${NAME}` in every text by the environment variable of that name, or by the file that NAME_FILE names. */
function fillReferences(value: unknown, references: References, path: readonly PropertyKey[]): unknown {
  const { environment, origin, problems } = references;
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)\}/g, (reference, name: string) => {
      const found = environmentValue(name, environment);
      if (found !== undefined) return found;
      const allowed = `the name of an environment variable that is set, or whose file ${name}_FILE names`;
      problems.push(
        syncedTablesError('SETTINGS_INVALID', { setting: path.join('.'), found: `"${reference}"`, allowed, origin }),
      );
      return reference;
    });
  }
  if (Array.isArray(value)) return value.map((item, index) => fillReferences(item, references, [...path, index]));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillReferences(item, references, [...path, key])]),
  );
}

/**
 * Checks settings from `file`, or from the environment if there is none.
 * @param source.written the settings before references were filled in: messages show these, because variables may hold
 *   secrets
 * @throws AggregateError with one SETTINGS_INVALID for each wrong setting
 */
export function checkSettings(raw: unknown, source?: { readonly written: unknown; readonly file: string }): Settings {
  const result = settingsSchema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) =>
      describeIssue(issue, source?.written ?? raw, (path) => knownKeys(settingsSchema, path, source?.written ?? raw)),
    )
    .map((problem) => {
      const setting = source ? problem.setting : (VARIABLES[problem.setting] ?? problem.setting);
      return syncedTablesError('SETTINGS_INVALID', { ...problem, setting, origin: source?.file ?? 'the environment' });
    });
  throw new AggregateError(problems, 'the settings are wrong');
}

/** Folders are relative to the settings file, wherever the sidecar is started. */
function withAbsoluteFolders(settings: Settings, base: string): Settings {
  const catalogs = Object.fromEntries(
    Object.entries(settings.catalogs).map(([name, catalog]) => {
      if ('root' in catalog && !/^[A-Za-z][A-Za-z0-9+.-]+:\//.test(catalog.root)) {
        return [name, { ...catalog, root: resolve(base, catalog.root) }];
      }
      if (catalog.kind === 'postgres') return [name, withAbsoluteFile(catalog, base)];
      const { profile } = catalog.kind === 'delta_sharing' ? catalog : {};
      return [name, profile === undefined ? catalog : { ...catalog, profile: resolve(base, profile) }];
    }),
  );
  const instances = Object.fromEntries(
    Object.entries(settings.instances).map(([name, instance]) => [name, withAbsoluteFile(instance, base)]),
  );
  const absolute = <Part extends { readonly folder?: string | undefined }>(part: Part): Part =>
    part.folder === undefined ? part : { ...part, folder: resolve(base, part.folder) };
  const folders = { pipelines: absolute(settings.pipelines), workspace: absolute(settings.workspace) };
  return { ...settings, instances, catalogs, ...folders };
}

function withAbsoluteFile<Server extends { readonly password_file?: string | undefined }>(
  server: Server,
  base: string,
): Server {
  const { password_file: file } = server;
  return file === undefined ? server : { ...server, password_file: resolve(base, file) };
}
