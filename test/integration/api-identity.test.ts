import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { hashBearerToken } from '../../src/api/identity/bearer-token.js';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: every call acts with the rights of one role, and nobody gets in who should not.

const ME = '/api/2.0/preview/scim/v2/Me';
const TABLES = '/api/2.0/database/synced_tables';
const CREDENTIALS = '/api/2.0/database/credentials';

function tableBody(database: string | null, name = 'app.gold.t') {
  const spec = { source_table_full_name: 'lake.gold.t', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' };
  return { name, database_instance_name: 'local', logical_database_name: database, spec };
}

async function logIn(url: string, user: string, password: string): Promise<string> {
  const target = new URL(url);
  target.username = encodeURIComponent(user);
  target.password = encodeURIComponent(password);
  const client = new pg.Client({ connectionString: target.href, application_name: 'test' });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>('select current_user as name');
    return rows[0]?.name ?? '';
  } finally {
    await client.end();
  }
}

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('serves this machine without a token until there is one, and nobody without it from then on', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const nobody = new ApiClient(url);
    expect(await nobody.get(ME)).toMatchObject({ status: 200, body: { userName: 'local' } });
    expect(await new ApiClient(url, 'any').get(ME)).toMatchObject({ status: 200 });
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    const token = await createToken(synced, role);
    expect(await nobody.get(ME)).toMatchObject({ status: 401, body: { error_code: 'UNAUTHENTICATED' } });
    expect(await new ApiClient(url, 'any').get(ME)).toMatchObject({ status: 401 });
    const me = await new ApiClient(url, token).get(ME);
    expect(me).toMatchObject({ status: 200, body: { userName: role } });
    expect(me.headers.get('x-databricks-org-id')).toMatch(/^\d+$/);
    await synced.admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
    expect(await new ApiClient(url, token).get(ME)).toMatchObject({ status: 401 });
    expect(await nobody.get(ME)).toMatchObject({ status: 401 });
  });

  it('knows a token only while it is valid and its role is the one that it was made for', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const role = await synced.database.createRole('keeper');
    const shortLived = await createToken(synced, role, new Date(Date.now() + 3_600_000));
    expect(await new ApiClient(url, shortLived).get(ME)).toMatchObject({ status: 200 });
    await synced.admin.query(`update synced_tables._tokens set expires_at = now() - interval '1 s'`);
    expect(await new ApiClient(url, shortLived).get(ME)).toMatchObject({ status: 401 });
    const lasting = await createToken(synced, role);
    await synced.admin.query(`drop role ${role}; create role ${role}; grant ${role} to databricks_gateway`);
    expect(await new ApiClient(url, lasting).get(ME)).toMatchObject({ status: 401 });
  });

  it('shows a table to who may read it, and hides it from others', async () => {
    await using synced = await SyncedLake.create(server);
    await synced.lake.createTable('gold.t', { id: 'long' }, 'select i as id from range(3) t(i)');
    const { url } = await synced.startSidecar();
    const keeperRole = await synced.database.createRole('keeper', 'databricks_superuser');
    const readerRole = await synced.database.createRole('reader');
    const strangerRole = await synced.database.createRole('stranger');
    const keeper = new ApiClient(url, await createToken(synced, keeperRole));
    const reader = new ApiClient(url, await createToken(synced, readerRole));
    const stranger = new ApiClient(url, await createToken(synced, strangerRole));
    const name = 'app.gold.t';
    const database = await synced.value('select current_database()');
    expect(await stranger.post(TABLES, tableBody(database))).toMatchObject({
      status: 403,
      body: { error_code: 'PERMISSION_DENIED' },
    });
    expect(await keeper.post(TABLES, tableBody(database))).toMatchObject({ status: 200 });
    await expect
      .poll(() => keeper.get(`${TABLES}/${name}`).then(({ body }) => body.data_synchronization_status.last_sync), {
        timeout: 60_000,
      })
      .toBeDefined();
    await synced.admin.query(`grant usage on schema gold to ${readerRole}; grant select on gold.t to ${readerRole}`);
    expect(await reader.get(`${TABLES}/${name}`)).toMatchObject({ status: 200, body: { name } });
    expect(await reader.delete(`${TABLES}/${name}`)).toMatchObject({
      status: 403,
      body: { error_code: 'PERMISSION_DENIED' },
    });
    expect(await stranger.get(`${TABLES}/${name}`)).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
    expect(await stranger.delete(`${TABLES}/${name}`)).toMatchObject({ status: 404 });
    const list = '/api/2.0/database/instances/local/synced_tables';
    expect((await stranger.get(list)).body).toEqual({ synced_tables: [] });
    expect((await reader.get(list)).body.synced_tables).toHaveLength(1);
    expect(await synced.value(`select created_by from synced_tables._tables`)).toBe(keeperRole);
    expect(await keeper.delete(`${TABLES}/${name}?purge_data=true`)).toMatchObject({ status: 200 });
    expect(await synced.value(`select to_regclass('gold.t')`)).toBeNull();
  });

  it('gives a credential that is the password of the caller, the same one to everybody who asks', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const role = await synced.database.createRole('app');
    await synced.admin.query(`alter role ${role} login`);
    const api = new ApiClient(url, await createToken(synced, role));
    const issue = () => api.post(CREDENTIALS, { instance_names: ['local'], request_id: 'x' });
    const first = await issue();
    expect(first.status).toBe(200);
    const { token, expiration_time: expiry } = first.body;
    expect(token.length).toBeLessThan(512);
    expect(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())).toMatchObject({ sub: role });
    expect(Date.parse(expiry) - Date.now()).toBeGreaterThan(3_500_000);
    const others = await Promise.all(Array.from({ length: 10 }, issue));
    expect(new Set(others.map(({ body }) => body.token))).toEqual(new Set([token]));
    expect(await logIn(synced.database.url, role, token)).toBe(role);
    await expect(logIn(synced.database.url, role, `${token}x`)).rejects.toThrow(/password/);
    // As it is when an hour is over; two made in one second would be the same.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await synced.admin.query(
      `update synced_tables._credentials set issued_at = now() - interval '1 h', expires_at = date_trunc('second', now() - interval '1 s')`,
    );
    await synced.admin.query(
      `do $$ begin execute format('alter role ${role} valid until %L', (select expires_at from synced_tables._credentials)); end $$`,
    );
    await expect(logIn(synced.database.url, role, token)).rejects.toThrow(/password/);
    const renewed = (await issue()).body.token;
    expect(renewed).not.toBe(token);
    expect(await logIn(synced.database.url, role, renewed)).toBe(role);
  });

  it('takes no password away from a role that has one, and gives none to a group or to the sidecar', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const refused = {
      status: 400,
      body: { error_code: 'INVALID_STATE', details: [{ reason: 'CREDENTIAL_REFUSED' }, {}] },
    };
    expect(await new ApiClient(url).post(CREDENTIALS, { instance_names: ['local'] })).toMatchObject(refused);
    const role = await synced.database.createRole('app');
    const api = new ApiClient(url, await createToken(synced, role));
    expect(await api.post(CREDENTIALS, { instance_names: ['local'] })).toMatchObject(refused);
    await synced.admin.query(`alter role ${role} login password 'mine'`);
    expect(await api.post(CREDENTIALS, { instance_names: ['local'] })).toMatchObject(refused);
    expect(await logIn(synced.database.url, role, 'mine')).toBe(role);
    expect(await api.post(CREDENTIALS, { instance_names: [] })).toMatchObject({ status: 400 });
    expect(await api.post(CREDENTIALS, { instance_names: ['no_such'] })).toMatchObject({ status: 404 });
  });

  it('makes no token for superusers, system roles and sidecars, nor for who may not grant the role', async () => {
    await using synced = await SyncedLake.create(server);
    const sidecarRole = new URL(synced.sidecarUrl).username;
    const superuser = (await synced.value('select current_user')) ?? '';
    for (const role of [superuser, 'databricks_sync', 'databricks_gateway', 'pg_read_all_data', sidecarRole]) {
      await expect(createToken(synced, role)).rejects.toThrow(/No token can be created/);
    }
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const other = await synced.database.createRole('other');
    const session = await synced.database.connectAs(keeper);
    await expect(session.query(`select synced_tables.create_token('${other}', sha256('x'))`)).rejects.toThrow(
      /may not grant it/,
    );
    // For itself, if it is one that logs in: what members of a group made in its name would outlast their membership.
    await expect(session.query(`select synced_tables.create_token('${keeper}', sha256('x'))`)).rejects.toThrow(
      /may not grant it/,
    );
    await synced.admin.query(`alter role ${keeper} login`);
    await session.query(`select synced_tables.create_token('${keeper}', sha256('x'))`);
    await expect(session.query('select * from synced_tables._tokens')).resolves.toMatchObject({ rowCount: 0 });
    await expect(
      session.query(`select synced_tables_internal._set_credential('${other}', 'x', now(), now())`),
    ).rejects.toThrow(/permission denied/);
  });

  it('lends the sidecar the roles of tokens only where it says so, and no longer than there is a token', async () => {
    await using synced = await SyncedLake.create(server);
    const role = await synced.database.createRole('app');
    await synced.admin.query(`create table public.secret (id int); grant select on public.secret to ${role}`);
    await createToken(synced, role);
    const sidecar = new pg.Client({ connectionString: synced.sidecarUrl, application_name: 'test' });
    await sidecar.connect();
    try {
      await expect(sidecar.query('select * from public.secret')).rejects.toThrow(/permission denied/);
      await sidecar.query(`set role databricks_sync`);
      await expect(sidecar.query('select * from public.secret')).rejects.toThrow(/permission denied/);
      await sidecar.query(`set role ${role}`);
      await sidecar.query('select * from public.secret');
      await sidecar.query('reset role');
      await synced.admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
      await expect(sidecar.query(`set role ${role}`)).rejects.toThrow(/permission denied/);
    } finally {
      await sidecar.end();
    }
  });
});

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('makes, lists and revokes tokens on the command line', async () => {
  await using synced = await SyncedLake.create(server);
  const { url } = await synced.startSidecar();
  const role = await synced.database.createRole('app');
  const environment = { DATABASE_URL: synced.database.url };
  const made = (await runCliJson(
    ['token', 'create', '--role', role, '--expires', '2d', '--description', 'ci'],
    environment,
  )) as {
    token: string;
    tokens: { token_id: string }[];
  };
  expect(await new ApiClient(url, made.token).get(ME)).toMatchObject({ status: 200, body: { userName: role } });
  const id = made.tokens[0]?.token_id ?? '';
  expect(await runCliJson(['token', 'list'], environment)).toMatchObject([
    { token_id: id, role_name: role, state: 'ACTIVE', description: 'ci' },
  ]);
  expect(await runCli(['token', 'revoke', id], environment)).toMatchObject({ end: 0 });
  expect(await new ApiClient(url, made.token).get(ME)).toMatchObject({ status: 401 });
  expect(
    await synced.value('select count(*) from synced_tables._tokens t where t::text like $1', [`%${made.token}%`]),
  ).toBe('0');
  const missing = await runCli(['token', 'create', '--role', 'no_such_role'], environment);
  expect(missing).toMatchObject({ end: 1 });
  expect(missing.stderr).toContain('TOKEN_ROLE_NOT_FOUND');
}, 240_000);

it('refuses web pages of other sites while there is no token', async () => {
  await using synced = await SyncedLake.create(server);
  const { url } = await synced.startSidecar();
  const api = new ApiClient(url);
  const refused = { status: 403, body: { error_code: 'PERMISSION_DENIED' } };
  expect(await api.get(ME, { origin: 'https://evil.example' })).toMatchObject(refused);
  expect(await api.get(ME, { origin: url })).toMatchObject({ status: 200 });
  // fetch() sets Host itself.
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    request(`${url}${ME}`, { headers: { host: 'evil.example' } }, (reply) => resolve(reply.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});

it('takes tokens of the configured issuer, and no others', async () => {
  await using synced = await SyncedLake.create(server);
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const stranger = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const issuerServer = createServer((request, reply) => {
    const base = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;
    const body = request.url === '/keys' ? { keys: [jwk] } : { issuer: base, jwks_uri: `${base}/keys` };
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => issuerServer.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;
  try {
    const role = await synced.database.createRole('app');
    const group = await synced.database.createRole('group', 'databricks_superuser');
    const oidc = {
      issuer,
      audience: 'sidecar',
      role_claim: 'groups',
      roles: { deployers: role, admins: 'postgres', keepers: group },
    };
    const { url } = await synced.startSidecar({ oidc });
    const sign = (claims: object, key = privateKey, expires = '5m') =>
      new SignJWT({ sub: 'ada', iss: issuer, aud: 'sidecar', groups: ['people', 'deployers'], ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setExpirationTime(expires)
        .sign(key);
    const statusOf = async (token: string) => (await new ApiClient(url, token).get(ME)).status;
    expect(await new ApiClient(url).get(ME)).toMatchObject({ status: 401 });
    // Nobody has let the API act for the role yet.
    expect(await statusOf(await sign({}))).toBe(401);
    await synced.admin.query(`grant ${role} to databricks_gateway`);
    expect(await new ApiClient(url, await sign({})).get(ME)).toMatchObject({ status: 200, body: { userName: role } });
    expect(await statusOf(await sign({ groups: ['people'] }))).toBe(401);
    expect(await statusOf(await sign({ groups: ['admins'] }))).toBe(401);
    expect(await statusOf(await sign({ groups: ['constructor'] }))).toBe(401);
    // A role that was let in does not let in the roles that it is a member of.
    await createToken(synced, await synced.database.createRole('keeper', group));
    expect(await statusOf(await sign({ groups: ['keepers'] }))).toBe(401);
    expect(await statusOf(await sign({ aud: 'other' }))).toBe(401);
    expect(await statusOf(await sign({ iss: 'https://other.example' }))).toBe(401);
    expect(await statusOf(await sign({}, stranger.privateKey))).toBe(401);
    expect(await statusOf(await sign({}, privateKey, '-5m'))).toBe(401);
  } finally {
    issuerServer.close();
  }
});

it('answers others on /healthz, /readyz and /docs alone until there is a token, which counts at once', async (context) => {
  const [address] = Object.values(networkInterfaces()).flatMap((each = []) => each.filter(({ internal }) => !internal));
  if (address === undefined) return context.skip('this machine has no address but the loopback one');
  await using synced = await SyncedLake.create(server);
  const sidecar = await synced.startSidecar({ apiHost: '0.0.0.0' });
  const elsewhere = `http://${address.address}:${new URL(sidecar.url).port}`;
  const statusOf = async (path: string) => (await fetch(elsewhere + path)).status;
  await expect.poll(() => statusOf('/readyz'), { timeout: 30_000 }).toBe(200);
  expect(await Promise.all(['/healthz', '/readyz', '/docs', '/openapi.json'].map(statusOf))).toEqual([
    200, 200, 200, 200,
  ]);
  expect(await Promise.all(['/metrics', ME, '/api/2.0/synced-tables/me'].map(statusOf))).toEqual([401, 401, 401]);
  expect(await new ApiClient(elsewhere).get(ME)).toMatchObject({
    body: {
      message: expect.stringContaining('there is no token yet, and until then only this machine itself is served'),
    },
  });
  // A Host that names the loopback address, as a proxy may send it, changes nothing.
  const pretending = await fetch(elsewhere + ME, { headers: { host: 'localhost', 'x-forwarded-for': '127.0.0.1' } });
  expect(pretending.status).toBe(401);
  expect(await new ApiClient(sidecar.url).get(ME)).toMatchObject({ status: 200, body: { userName: 'local' } });
  const role = await synced.database.createRole('keeper');
  const token = await createToken(synced, role);
  expect(await new ApiClient(elsewhere, token).get(ME)).toMatchObject({ status: 200, body: { userName: role } });
});

it('makes the token of the settings once, and leaves it revoked', async () => {
  await using synced = await SyncedLake.create(server);
  const token = 'e'.repeat(32);
  const role = await synced.database.createRole('keeper');
  // The role of this connection string may make tokens.
  const options = { instances: { local: { url: synced.database.url } } };
  const log: { msg: string; error?: { code?: string; message?: string } }[] = [];
  const onLog = (line: string) => void log.push(JSON.parse(line));
  const start = (firstToken: object) => synced.startSidecar({ ...options, firstToken, onLog });
  const missing = await start({ token, role: 'nobody_there' });
  expect((await new ApiClient(missing.url).get(ME)).body).toMatchObject({ userName: 'local' });
  expect(log.filter(({ msg }) => msg.startsWith('the token of api.first_token could not be made'))).toMatchObject([
    { error: { code: 'TOKEN_ROLE_NOT_FOUND' } },
  ]);
  const [one, two] = await Promise.all([start({ token, role }), start({ token, role })]);
  for (const { url } of [one, two, missing]) {
    expect(await new ApiClient(url, token).get(ME)).toMatchObject({ status: 200, body: { userName: role } });
    expect(await new ApiClient(url).get(ME)).toMatchObject({ status: 401 });
  }
  await synced.admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
  const again = await start({ token, role });
  expect(await new ApiClient(again.url, token).get(ME)).toMatchObject({ status: 401 });
  expect(await synced.value('select count(*) from synced_tables.tokens')).toBe('1');
});

it('keeps instances apart: a token is worth something only where it was made', async () => {
  await using other = await SyncedLake.create(server);
  await using synced = await SyncedLake.create(server);
  const { url } = await synced.startSidecar({ instances: { other: { url: other.sidecarUrl } } });
  await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
  const role = await synced.database.createRole('keeper', 'databricks_superuser');
  const token = await createToken(synced, role);
  const api = new ApiClient(url, token);
  const names = async () => {
    const { body } = await api.get('/api/2.0/database/instances');
    return body.database_instances.map(({ name }: { name: string }) => name);
  };
  expect(await names()).toEqual(['local']);
  expect(await api.get('/api/2.0/database/instances/other')).toMatchObject({ status: 404 });
  expect(await api.get('/api/2.0/database/instances/other/roles')).toMatchObject({ status: 404 });
  const database = await other.value('select current_database()');
  const body = { ...tableBody(database), database_instance_name: 'other' };
  expect(await api.post(TABLES, body)).toMatchObject({ status: 404, body: { error_code: 'NOT_FOUND' } });
  await other.admin.query('select synced_tables.create_token($1, $2)', [role, hashBearerToken(token)]);
  expect(await names()).toEqual(['local', 'other']);
  expect(await api.post(TABLES, body)).toMatchObject({
    status: 200,
    body: { effective_database_instance_name: 'other', effective_logical_database_name: database },
  });
  // The role, which is dropped first, owns the schema that was made for its table.
  await other.admin.query('drop schema gold cascade');
});
