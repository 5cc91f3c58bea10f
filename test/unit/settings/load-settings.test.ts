import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSettings, type SettingsSource } from '../../../src/settings/load-settings.js';
import type { Settings } from '../../../src/settings/settings-schema.js';
import { managedDatabases } from '../../../src/sidecar/managed-databases.js';

// Goal: right settings are read from where they may stand; wrong ones are told one line each, with what was found and
// what is allowed, and never with a secret.

const folder = mkdtempSync(path.join(tmpdir(), 'settings-'));
afterAll(() => rmSync(folder, { recursive: true }));

const INSTANCES = 'instances: { local: { url: "postgres://app@localhost/app" } }\n';

function load(yaml: string, source: Partial<SettingsSource> = {}): Settings {
  const file = path.join(folder, 'synced-tables.yaml');
  writeFileSync(file, yaml);
  return loadSettings({ file, environment: {}, workingFolder: folder, ...source });
}

/** The lines of all errors, without the end that names the file. */
function problems(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    return (error as AggregateError).errors.map(({ code, message }) =>
      `${code}: ${message}`.replace(/ \(from .*$/, ''),
    );
  }
  throw new Error('the settings were expected to be wrong');
}

it('fills in what is left out', () => {
  const settings = load(INSTANCES);
  expect(settings.api).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(settings.catalogs).toEqual({});
  expect(settings.log.level).toBe('info');
});

it('takes folders of catalogs relative to the file, wherever the process runs', () => {
  const settings = load(
    `${INSTANCES}catalogs: { a: { kind: path, root: ./lake }, b: { kind: path, root: /srv/lake } }`,
    {
      workingFolder: '/',
    },
  );
  expect(settings.catalogs.a).toMatchObject({ root: path.join(folder, 'lake') });
  expect(settings.catalogs.b).toMatchObject({ root: '/srv/lake' });
});

it('takes null for the name of a setting where one has it', () => {
  const files = 'crm.orders: { path: orders.csv, csv: { header: true, null: "NULL" } }';
  const { catalogs } = load(
    `${INSTANCES}catalogs: { landing: { kind: files, root: ./landing, tables: { ${files} } } }`,
  );
  expect(catalogs.landing).toMatchObject({ tables: { 'crm.orders': { csv: { null: 'NULL' } } } });
});

it('takes profiles of shares relative to the file, and either those or what would be in them', () => {
  const shared = (parts: string) => `${INSTANCES}catalogs: { s: { kind: delta_sharing, ${parts} } }`;
  expect(load(shared('profile: ./s.share'), { workingFolder: '/' }).catalogs.s).toMatchObject({
    profile: path.join(folder, 's.share'),
  });
  expect(load(shared('endpoint: "https://x/y", token: t, share: a.b')).catalogs.s).toMatchObject({ share: 'a.b' });
  for (const parts of ['endpoint: "https://x/y"', 'profile: p, token: t', 'share: a']) {
    expect(problems(() => load(shared(parts)))).toEqual([
      'SETTINGS_INVALID: Setting catalogs.s is a mapping; allowed: either profile, or endpoint and token',
    ]);
  }
});

it('fills in references to the environment, also inside a text and in lists', () => {
  const yaml = `instances: { local: { url: "postgres://app:\${PASSWORD}@localhost/app", databases: ["\${DB}", b] } }`;
  const settings = load(yaml, { environment: { PASSWORD: 's3cret', DB: 'a' } });
  expect(settings.instances.local).toEqual({ url: 'postgres://app:s3cret@localhost/app', databases: ['a', 'b'] });
});

it('names the reference that the environment does not have', () => {
  expect(problems(() => load(`instances: { local: { url: "\${NOT_SET}" } }`))).toEqual([
    `SETTINGS_INVALID: Setting instances.local.url is "\${NOT_SET}"; allowed: the name of an environment variable that is set, or whose file NOT_SET_FILE names`,
  ]);
});

it('takes secrets from files whose names the environment has, and says when one cannot be read', () => {
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 's3cret\n');
  const yaml = `instances: { local: { url: "postgres://app:\${PASSWORD}@localhost/app" } }`;
  const url = (environment: Record<string, string>) => load(yaml, { environment }).instances.local?.url;
  expect(url({ PASSWORD_FILE: secret })).toBe('postgres://app:s3cret@localhost/app');
  expect(url({ PASSWORD_FILE: secret, PASSWORD: 'other' })).toBe('postgres://app:other@localhost/app');
  writeFileSync(secret, 'postgres://app@localhost/app');
  const bare = { environment: { DATABASE_URL_FILE: secret }, workingFolder: path.join(folder, 'nothing') };
  expect(loadSettings(bare).instances.local?.url).toBe('postgres://app@localhost/app');
  expect(problems(() => load(yaml, { environment: { PASSWORD_FILE: `${secret}s` } }))).toEqual([
    `SETTINGS_SECRET_UNREADABLE: The file ${secret}s, which PASSWORD_FILE names, cannot be read: it does not exist.`,
  ]);
  expect(problems(() => load(yaml, { environment: { PASSWORD_FILE: folder } }))).toEqual([
    `SETTINGS_SECRET_UNREADABLE: The file ${folder}, which PASSWORD_FILE names, cannot be read: it is a folder.`,
  ]);
});

it('lets the environment say host, port and first token of the API, where the file does not', () => {
  const token = 'a'.repeat(32);
  const secret = path.join(folder, 'token');
  writeFileSync(secret, `${token}\n`);
  const environment = {
    DATABASE_URL: 'postgres://app@localhost/app',
    SYNCED_TABLES_HOST: '0.0.0.0',
    SYNCED_TABLES_PORT: '9000',
    SYNCED_TABLES_FIRST_TOKEN_FILE: secret,
  };
  const api = { host: '0.0.0.0', port: 9000, first_token: { token, role: 'databricks_superuser' } };
  expect(load(INSTANCES, { environment }).api).toEqual(api);
  expect(load(`${INSTANCES}api: { host: 127.0.0.1 }`, { environment }).api).toEqual({ ...api, host: '127.0.0.1' });
  const bare = (more: object) => loadSettings({ environment: { ...environment, ...more }, workingFolder: '/nowhere' });
  expect(bare({}).api).toEqual(api);
  expect(problems(() => bare({ SYNCED_TABLES_PORT: '70000' }))).toEqual([
    'SETTINGS_INVALID: Setting SYNCED_TABLES_PORT is 70000; allowed: at most 65535',
  ]);
});

it('takes a first token that is too long to be guessed, and shows none', () => {
  const token = 'a'.repeat(32);
  expect(load(`${INSTANCES}api: { first_token: { token: ${token} } }`).api.first_token).toEqual({
    token,
    role: 'databricks_superuser',
  });
  expect(problems(() => load(`${INSTANCES}api: { first_token: { token: changeme } }`))).toEqual([
    'SETTINGS_INVALID: Setting api.first_token.token is a text that is not shown here; allowed: 32 to 256 letters, digits, - and _, such as openssl rand -hex 32 prints',
  ]);
});

it.each([
  ['api: { port: 70000 }', 'api.port is 70000; allowed: at most 65535'],
  ['api: { port: 1.5 }', 'api.port is 1.5; allowed: a whole number'],
  ['api: { port: "8080" }', 'api.port is "8080"; allowed: a number'],
  ['api: { host: "" }', 'api.host is empty; allowed: at least 1 character'],
  ['api: { hots: x }', 'api.hots is unknown; allowed: nothing of this name; did you mean "host"?'],
  ['console: { colour: x }', 'console.colour is unknown; allowed: enabled, sample_rows'],
  ['api: 8080', 'api is 8080; allowed: a mapping'],
  ['apis: {}', 'apis is unknown; allowed: nothing of this name; did you mean "api"?'],
  [
    'catalogs: { lake: { kind: unity, uri: "https://x", tokn: t } }',
    'catalogs.lake.tokn is unknown; allowed: nothing of this name; did you mean "token"?',
  ],
  [
    'catalogs: { lake: { kind: files, root: ., tables: { a.b: { path: x.csv, primary: id } } } }',
    'catalogs.lake.tables.a.b.primary is unknown; allowed: path, format, columns, csv, primary_key, comment',
  ],
  ['engine: { threads: 0 }', 'engine.threads is 0; allowed: at least 1'],
  ['sync: { lease_seconds: soon }', 'sync.lease_seconds is "soon"; allowed: a number'],
  ['log: { level: loud }', 'log.level is "loud"; allowed: debug, info, warn, error, silent'],
  ['log: [info]', 'log is a list; allowed: a mapping'],
  ['catalogs: { lake: { kind: path } }', 'catalogs.lake.root is missing; allowed: a text'],
  [
    'catalogs: { my lake: { kind: path, root: . } }',
    'catalogs.my lake is wrongly named; allowed: up to 255 characters but . / spaces and quotes',
  ],
  [
    'catalogs: { lake: { kind: path, root: ., allow_outside_paths: 1 } }',
    'catalogs.lake.allow_outside_paths is 1; allowed: true or false',
  ],
])('tells what is wrong with %s', (yaml, line) => {
  expect(problems(() => load(`${INSTANCES}${yaml}`))).toEqual([`SETTINGS_INVALID: Setting ${line}`]);
});

it('takes names of instances and catalogs as Lakebase and Unity Catalog have them, if no two would be one project', () => {
  const instances = (...names: string[]) => {
    return `instances: { ${names.map((name) => `${name}: { url: "postgres://localhost/a" }`).join(', ')} }\n`;
  };
  const settings = load(`${instances('my-database-instance', 'a')}catalogs: { main-eu: { kind: path, root: . } }`);
  expect(Object.keys(settings.instances)).toEqual(['my-database-instance', 'a']);
  expect(Object.keys(settings.catalogs)).toEqual(['main-eu']);
  expect(problems(() => load(instances('my_db', 'My-db')))).toEqual([
    expect.stringContaining('instances is a mapping; allowed: names that differ by more than capitals and - for _'),
  ]);
});

it('says which kinds of catalogs there are', () => {
  const [line, ...others] = problems(() => load(`${INSTANCES}catalogs: { lake: { kind: hive, root: . } }`));
  expect(others).toEqual([]);
  expect(line).toMatch(/^SETTINGS_INVALID: Setting catalogs\.lake\.kind is "hive"; allowed: .*\bpath\b/);
});

it('tells all that is wrong at once, and the file', () => {
  const wrong = () => load(`${INSTANCES}api: { port: -1 }\nengine: { threads: many }\nlog: { level: 3 }`);
  expect(problems(wrong)).toHaveLength(3);
  expect(wrong).toThrow(AggregateError);
  try {
    wrong();
  } catch (error) {
    expect((error as AggregateError).errors[0].message).toContain(`(from ${path.join(folder, 'synced-tables.yaml')})`);
  }
});

it('takes another address for sessions, and one place for the password', () => {
  const local = (parts: string) => `instances: { local: { url: "postgres://app@pooler/app", ${parts} } }`;
  const settings = load(local('direct_url: "postgres://app@db/app", password_file: run/password'));
  expect(managedDatabases(settings)).toEqual([
    {
      name: 'local/app',
      instance: 'local',
      database: 'app',
      url: `postgres://app@db/app?password_file=${encodeURIComponent(path.join(folder, 'run/password'))}`,
      pooledUrl: `postgres://app@pooler/app?password_file=${encodeURIComponent(path.join(folder, 'run/password'))}`,
    },
  ]);
  const twice =
    'instances.local.password_file is "a"; allowed: one of a password in the url, password_file and password_command';
  for (const parts of [
    'password_file: a, password_command: b',
    'password_file: a, direct_url: "postgres://u:p@db/app"',
  ]) {
    expect(problems(() => load(local(parts)))).toEqual([
      `SETTINGS_INVALID: Setting ${twice.replace('"a"', 'a text that is not shown here')}`,
    ]);
  }
  const environment = {
    DATABASE_URL: 'postgres://app@pooler/app',
    DATABASE_DIRECT_URL: 'postgres://app@db/app',
    DATABASE_PASSWORD_COMMAND: 'cat /run/token',
  };
  const fromEnvironment = loadSettings({ environment, workingFolder: '/' });
  expect(managedDatabases(fromEnvironment)[0]?.url).toBe('postgres://app@db/app?password_command=cat+%2Frun%2Ftoken');
  const wrong = { ...environment, DATABASE_DIRECT_URL: 'mysql://db' };
  expect(problems(() => loadSettings({ environment: wrong, workingFolder: '/' }))).toEqual([
    'SETTINGS_INVALID: Setting DATABASE_DIRECT_URL is a text that is not shown here; allowed: a URL such as postgres://user@host:5432/database',
  ]);
});

it.each([
  'instances: { local: { url: "mysql://app:s3cret@localhost/app" } }',
  'instances: { local: "postgres://app:s3cret@localhost/app" }',
  'instances: "postgres://app:s3cret@localhost/app"',
  'instances: [{ url: "postgres://app:s3cret@localhost/app" }]',
  'instances: { local: { url: [ "postgres://app:s3cret@localhost/app" ] } }',
  'instances: { local: { url: "host=localhost password=s3cret" } }',
  `${INSTANCES}log: { level: "postgres://app:s3cret@localhost/app" }`,
  `${INSTANCES}api: { port: "\${TOKEN}" }`,
  `${INSTANCES}api: { token: s3cret }`,
  `${INSTANCES}catalogs: { lake: { kind: "\${TOKEN}", root: . } }`,
  '"postgres://app:s3cret@localhost/app"',
])('never shows a secret: %s', (yaml) => {
  const lines = problems(() => load(yaml, { environment: { TOKEN: 's3cret' } }));
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join('\n')).not.toContain('s3cret');
});

it('tells that a file is not there, or is no YAML', () => {
  expect(problems(() => loadSettings({ file: 'no.yaml', environment: {}, workingFolder: folder }))).toEqual([
    `SETTINGS_UNREADABLE: The settings file ${path.join(folder, 'no.yaml')} cannot be read: it does not exist.`,
  ]);
  const [line, ...others] = problems(() => load('api: { port: '));
  expect(others).toEqual([]);
  expect(line).toMatch(/^SETTINGS_UNREADABLE: .* at line 1/);
});

it('wants an instance where Postgres is needed', () => {
  expect(problems(() => load('catalogs: {}'))).toEqual([
    'SETTINGS_INVALID: Setting instances is missing; allowed: at least one Postgres server',
  ]);
});

it('does without instances where no Postgres is needed, also with references that are not set', () => {
  const yaml = `instances: { local: { url: "\${NOT_SET}" } }\ncatalogs: { lake: { kind: path, root: . } }`;
  const settings = load(yaml, { needsPostgres: false });
  expect(settings.instances).toEqual({});
  expect(settings.catalogs.lake).toMatchObject({ root: folder });
});

it('makes settings of DATABASE_URL and SYNCED_TABLES_LAKE when there is no file', () => {
  const workingFolder = path.join(folder, 'empty');
  mkdirSync(workingFolder);
  const environment = { DATABASE_URL: 'postgres://localhost/app', SYNCED_TABLES_LAKE: 'lake' };
  const settings = loadSettings({ environment, workingFolder });
  expect(settings.instances.local?.url).toBe('postgres://localhost/app');
  expect(settings.catalogs.lake).toMatchObject({ root: path.join(workingFolder, 'lake') });
  const lakeOnly = { SYNCED_TABLES_LAKE: '/srv/lake', DATABASE_URL: 'nonsense' };
  expect(loadSettings({ environment: lakeOnly, workingFolder, needsPostgres: false }).instances).toEqual({});
  expect(problems(() => loadSettings({ environment: {}, workingFolder }))).toEqual([
    expect.stringMatching(/^SETTINGS_MISSING: /),
  ]);
  expect(problems(() => loadSettings({ environment: { DATABASE_URL: 'app:s3cret' }, workingFolder }))).toEqual([
    'SETTINGS_INVALID: Setting DATABASE_URL is a text that is not shown here; allowed: a URL such as postgres://user@host:5432/database',
  ]);
});

it('finds the file of SYNCED_TABLES_CONFIG, and that of the working folder', () => {
  load(`${INSTANCES}api: { port: 1 }`);
  const other = path.join(folder, 'other.yaml');
  writeFileSync(other, `${INSTANCES}api: { port: 2 }`);
  expect(loadSettings({ environment: {}, workingFolder: folder }).api.port).toBe(1);
  expect(loadSettings({ environment: { SYNCED_TABLES_CONFIG: other }, workingFolder: folder }).api.port).toBe(2);
  const file = path.join(folder, 'synced-tables.yaml');
  expect(loadSettings({ file, environment: { SYNCED_TABLES_CONFIG: other }, workingFolder: '/' }).api.port).toBe(1);
});
