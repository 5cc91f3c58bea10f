import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: whatever is sent, the server answers in time, never with a defect, and in the form of the API.

const RUNS = Number(process.env.FUZZ_RUNS ?? (process.env.TEST_LONG ? 10_000 : 250));
const AT_ONCE = 8;
const ANSWER_MS_MAX = 60_000;

/** What is not there on purpose, and what a lock held up for too long. */
const ALLOWED_FAILURES = new Set([501, 504]);

const POLICIES = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];

/** Names that exist, that could, and that cannot. */
function names(database: string): fc.Arbitrary<string> {
  const known = ['app', 'lake', 'local', 'gold', 'standard.gold.t', 'app.gold.t', `${database}.gold.t`, database];
  const parts = fc.tuple(
    fc.constantFrom('app', 'std', 'x'),
    fc.constantFrom('gold', 'Pg_x'),
    fc.constantFrom('a', 'B', '1'),
  );
  const odd = [
    '',
    '.',
    '..',
    'a..b',
    '%',
    '%zz',
    '%00',
    '%C3',
    '~',
    'ada@example.com',
    '\0',
    "'; drop table x; --",
    '"',
  ];
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    { weight: 3, arbitrary: parts.map((names) => names.join('.')) },
    fc.constantFrom(...odd),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ minLength: 60, maxLength: 300 }),
  );
}

function anything(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, '', 0, -1, 1e308, true, [], {}, '2026-01-01', '9'.repeat(30)),
  );
}

/** An object with most of the fields that a call wants, some of them wrong. */
function mostly(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields).map(([name, good]) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: anything() }),
      fc.integer({ min: 0, max: 9 }),
    ),
  );
  return fc
    .tuple(...entries)
    .map((parts) => Object.fromEntries(parts.filter(([, , luck]) => luck > 0).map(([name, value]) => [name, value])));
}

/** Bodies for the call of a path: mostly what it wants. */
function bodies(path: string, database: string): fc.Arbitrary<unknown> {
  const name = names(database);
  const spec = mostly({
    source_table_full_name: fc.oneof(fc.constant('lake.gold.t'), name),
    primary_key_columns: fc.oneof(fc.constant(['id']), fc.array(name, { maxLength: 4 })),
    scheduling_policy: fc.constantFrom(...POLICIES),
    timeseries_key: fc.option(name),
    create_database_objects_if_missing: fc.boolean(),
    existing_pipeline_id: fc.option(fc.oneof(fc.uuid(), name)),
    new_pipeline_spec: fc.option(mostly({ storage_catalog: name, storage_schema: name })),
  });
  const place = {
    database_instance_name: fc.oneof(fc.constant('local'), name),
    logical_database_name: fc.oneof(fc.constant(database), name),
  };
  const right = bodyOf(path, { name, place, spec, database });
  return fc.oneof({ weight: 5, arbitrary: right }, { weight: 1, arbitrary: anything() });
}

interface BodyParts {
  readonly name: fc.Arbitrary<string>;
  readonly place: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  readonly spec: fc.Arbitrary<unknown>;
  readonly database: string;
}

/** What the call of a path wants. */
function bodyOf(path: string, { name, place, spec, database }: BodyParts): fc.Arbitrary<unknown> {
  if (/\/pipelines(\/\{[^}]+\})?$/.test(path)) return pipelineBody(name, database);
  if (path.includes('/synced_tables')) return mostly({ name, ...place, spec });
  if (path.includes('/roles')) {
    const identity_type = fc.constantFrom('USER', 'PG_ONLY', 'GROUP');
    return mostly({
      name,
      identity_type,
      membership_role: fc.constant('DATABRICKS_SUPERUSER'),
      attributes: anything(),
    });
  }
  if (path.includes('/catalogs') || path.includes('/tables')) {
    const database_name = fc.oneof(fc.constant(database), name);
    const branch = fc.constantFrom('projects/local/branches/production', 'projects/x/branches/y');
    return mostly({
      name,
      ...place,
      database_name,
      create_database_if_not_exists: fc.boolean(),
      database_project_id: fc.option(fc.oneof(fc.constant('local'), name)),
      database: fc.oneof(fc.constant(`projects/local/branches/production/databases/${database}`), name),
      spec: mostly({ postgres_database: database_name, branch }),
    });
  }
  const instance_names = fc.array(fc.oneof(fc.constant('local'), name), { maxLength: 2 });
  return mostly({ instance_names, claims: fc.constant([]), protoLogs: anything() });
}

/** A pipeline of flows, from good and bad statements and files. */
function pipelineBody(name: fc.Arbitrary<string>, database: string): fc.Arbitrary<unknown> {
  const good = `CREATE STREAMING TABLE fuzzed; CREATE FLOW f AS AUTO CDC INTO fuzzed FROM stream(lake.gold.t) KEYS (id) SEQUENCE BY id;`;
  const sql = fc.oneof(
    fc.constant(good),
    fc.nat(good.length).map((end) => good.slice(0, end)),
    name,
  );
  const file = mostly({ path: fc.oneof(fc.constant('/a.sql'), name) });
  const glob = mostly({ include: fc.oneof(fc.constant('/**'), name) });
  return mostly({
    name,
    catalog: fc.oneof(fc.constantFrom('app', database), name),
    schema: fc.oneof(fc.constant('gold'), name),
    sql,
    libraries: fc.array(fc.oneof(mostly({ file }), mostly({ glob }), mostly({ notebook: anything() })), {
      maxLength: 2,
    }),
    configuration: fc.option(anything()),
    dry_run: fc.option(fc.boolean()),
  });
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Record<string, string>;
}

/** Requests to the calls of the OpenAPI document, their parameters filled in. */
function requests(calls: readonly (readonly [method: string, path: string])[], database: string): fc.Arbitrary<Sent> {
  const fill = (path: string) => {
    const parts = path.split(/\{[^}]+\}|\*/);
    const written = names(database).chain((name) =>
      fc.constantFrom(name.replace(/[\s?#]/g, ''), encodeURIComponent(name)),
    );
    return fc
      .array(written, { minLength: parts.length - 1, maxLength: parts.length - 1 })
      .map((values) => parts.map((part, n) => part + (values[n] ?? '')).join(''));
  };
  const query = fc.option(
    fc.tuple(
      fc.constantFrom(
        'catalog_id',
        'cascade',
        'page_size',
        'page_token',
        'purge_data',
        'uid',
        'update_mask',
        'allow_missing',
        'reassign_owned_to',
      ),
      fc.oneof(names(database), fc.constantFrom('1', '0', 'true', '-5', 'NaN', 'WyJhIl0')),
    ),
    { freq: 3 },
  );
  return fc.constantFrom(...calls).chain(([method, path]) =>
    fc
      .tuple(
        fill(path),
        query,
        bodies(path, database),
        fc.constantFrom('application/json', 'text/json', 'text/plain', 'application/x-www-form-urlencoded', 'a', ''),
        fc.string({ maxLength: 30 }),
      )
      .map(([filled, parameter, body, type, garbage]) => ({
        method,
        path: parameter === null ? filled : `${filled}?${parameter[0]}=${encodeURIComponent(parameter[1])}`,
        body: method === 'GET' || method === 'DELETE' ? undefined : type === 'a' ? garbage : body,
        headers: { 'content-type': type },
      })),
  );
}

/** Its answer goes on as long as somebody reads it. */
const ENDLESS = '/api/2.0/synced-tables/stream';

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('answers every request in time and without a defect', {
  timeout: process.env.TEST_LONG ? 7_200_000 : 300_000,
}, async () => {
  await using synced = await SyncedLake.create(server);
  await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
  const { url } = await synced.startSidecar({ pipelineFolder: synced.folder });
  const role = await synced.database.createRole('keeper', 'databricks_superuser');
  const api = new ApiClient(url, await createToken(synced, role));
  const database = (await synced.value('select current_database()')) ?? '';
  await api.post('/api/2.0/database/catalogs', {
    name: 'app',
    database_instance_name: 'local',
    database_name: database,
  });
  const { paths } = (await api.get('/openapi.json')).body as { paths: Record<string, Record<string, unknown>> };
  const calls = Object.entries(paths)
    .filter(([path]) => path !== ENDLESS)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const));
  expect(calls.length).toBeGreaterThan(20);
  const seen = new Map<number, number>();
  const send = async ({ method, path, body, headers }: Sent) => {
    const reply = await api.send(method, path, body, headers, AbortSignal.timeout(ANSWER_MS_MAX));
    seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1);
    const isFailure = reply.status >= 400;
    const isPlain = !isFailure || (typeof reply.body.error_code === 'string' && typeof reply.body.message === 'string');
    if (isPlain && (reply.status < 500 || ALLOWED_FAILURES.has(reply.status))) return;
    throw new Error(`${method} ${path} ${JSON.stringify(body)} -> ${reply.status} ${JSON.stringify(reply.body)}`);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(requests(calls, database), { minLength: AT_ONCE, maxLength: AT_ONCE }), async (batch) => {
      await Promise.all(batch.map(send));
    }),
    { seed: propertySeed('API requests'), numRuns: Math.ceil(RUNS / AT_ONCE) },
  );
  console.info('API requests: answers by status', Object.fromEntries(seen));
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 404]));
});
