import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { createSharedToken } from '../support/shared-token.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: tokens are seen, made and revoked over HTTP by those who may in psql, on all their instances alike, and it shows
// when each was used.

const TOKENS = '/api/2.0/synced-tables/tokens';
const ME = '/api/2.0/preview/scim/v2/Me';
const DAY_MS = 86_400_000;

const refusal = (status: number, reason: string) => ({
  status,
  body: { details: expect.arrayContaining([expect.objectContaining({ reason })]) },
});

describe.each(eitherPostgresServer(import.meta.url))('tokens over HTTP on $name', (server) => {
  it('are made, used, listed and revoked on every instance', async () => {
    await using second = await SyncedLake.create(server);
    await using first = await SyncedLake.create(server);
    const { url } = await first.startSidecar({ instances: { other: { url: second.sidecarUrl } } });
    const keeperRole = await first.database.createRole('keeper', 'databricks_superuser');
    const deployerRole = await first.database.createRole('deployer');
    await first.admin.query(`grant ${deployerRole} to ${keeperRole} with admin option`);
    const keeper = new ApiClient(url, await createSharedToken([first, second], keeperRole));

    const made = await keeper.post(TOKENS, { role: deployerRole, description: 'deploys of the shop' });
    expect(made).toMatchObject({
      status: 200,
      body: { token: expect.stringMatching(/^stt_[\w-]{43}$/), role: deployerRole, instances: ['local', 'other'] },
    });
    expect(Date.parse(made.body.expires_at) - Date.now()).toBeGreaterThan(29 * DAY_MS);
    const deployer = new ApiClient(url, made.body.token);
    expect(await deployer.get(ME)).toMatchObject({ status: 200, body: { userName: deployerRole } });

    const listed = (await keeper.get(TOKENS)).body;
    expect(listed.unreachable).toEqual([]);
    expect(listed.tokens).toMatchObject([
      { role: deployerRole, description: 'deploys of the shop', state: 'ACTIVE', created_by: keeperRole },
      { role: keeperRole, description: null, state: 'ACTIVE', expires_at: null },
    ]);
    const [token] = listed.tokens;
    expect(token).toMatchObject({ token_id: made.body.token_id, instances: ['local', 'other'], revoked_at: null });
    expect(JSON.stringify(listed)).not.toContain(made.body.token);

    expect(await keeper.delete(`${TOKENS}/${token.token_id}`)).toMatchObject({ status: 200, body: {} });
    expect(await deployer.get(ME)).toMatchObject({ status: 401 });
    for (const { admin } of [first, second]) {
      const { rows } = await admin.query('select state from synced_tables.tokens where role_name = $1', [deployerRole]);
      expect(rows).toEqual([{ state: 'REVOKED' }]);
    }
    expect(await keeper.delete(`${TOKENS}/${keeperRole}`)).toMatchObject(refusal(404, 'TOKEN_NOT_FOUND'));
  });

  it('say when they were used, to the hour', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const keeper = new ApiClient(
      url,
      await createToken(synced, await synced.database.createRole('keeper', 'databricks_superuser')),
    );
    const used = async () => (await keeper.get(TOKENS)).body.tokens[0].last_used_at;
    const set = (time: string | null) =>
      synced.admin.query('update synced_tables._tokens set last_used_at = $1', [time]);
    expect(Date.parse(await used())).toBeGreaterThan(Date.now() - DAY_MS);
    const within = (await synced.value(`select (now() - interval '50 min')::text`)) ?? '';
    await set(within);
    const before = await used();
    expect(Date.parse(before)).toBeLessThan(Date.now() - 40 * 60_000);
    expect(await used()).toBe(before);
    await set((await synced.value(`select (now() - interval '61 min')::text`)) ?? '');
    expect(Date.parse(await used())).toBeGreaterThan(Date.now() - 30 * 60_000);
    // Where nothing can be written, requests go on.
    const database = await synced.value('select current_database()');
    await set(null);
    await synced.admin.query(`alter database ${database} set default_transaction_read_only = on`);
    await synced.admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'synced-tables api'`,
    );
    // A request may meet a session that has ended and was not noticed yet: 503, for a moment.
    await expect.poll(async () => (await keeper.get(ME)).status, { timeout: 20_000 }).toBe(200);
    await synced.admin.query(`alter database ${database} reset default_transaction_read_only`);
  });

  it('may last for ever or to a day, and not to the past', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const keeperRole = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`alter role ${keeperRole} login`);
    const keeper = new ApiClient(url, await createToken(synced, keeperRole));
    const make = (expires_at: unknown) => keeper.post(TOKENS, { role: keeperRole, expires_at });
    expect(await make(null)).toMatchObject({ status: 200, body: { expires_at: null } });
    expect(await make('2099-01-01T00:00:00Z')).toMatchObject({ body: { expires_at: '2099-01-01T00:00:00.000Z' } });
    expect(await make('2001-01-01T00:00:00Z')).toMatchObject(refusal(400, 'TOKEN_EXPIRY_PAST'));
    expect(await make('tomorrow')).toMatchObject({ status: 400 });
  });

  it('are for members of databricks_superuser, for roles that they may grant', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const strangerRole = await synced.database.createRole('stranger');
    const keeper = new ApiClient(
      url,
      await createToken(synced, await synced.database.createRole('keeper', 'databricks_superuser')),
    );
    const stranger = new ApiClient(url, await createToken(synced, strangerRole));
    expect(await stranger.get(TOKENS)).toMatchObject(refusal(403, 'ACCESS_DENIED'));
    expect(await stranger.post(TOKENS, { role: strangerRole })).toMatchObject({ status: 403 });
    const [token] = (await keeper.get(TOKENS)).body.tokens;
    expect(await stranger.delete(`${TOKENS}/${token.token_id}`)).toMatchObject(refusal(403, 'ACCESS_DENIED'));
    expect(await keeper.post(TOKENS, { role: strangerRole })).toMatchObject(refusal(403, 'TOKEN_ROLE_REFUSED'));
    expect(await keeper.post(TOKENS, { role: 'no_such_role' })).toMatchObject(refusal(404, 'TOKEN_ROLE_NOT_FOUND'));
    expect(await keeper.post(TOKENS, {})).toMatchObject({ status: 400 });
  });

  it('that are refused leave open access as it is, whichever instance refuses', async () => {
    await using second = await SyncedLake.create(server);
    await using first = await SyncedLake.create(server);
    const superuser = (await first.value('select current_user')) ?? '';
    const { url } = await first.startSidecar({
      instances: { local: { url: first.database.url }, other: { url: second.sidecarUrl } },
    });
    const local = new ApiClient(url);
    const role = await first.database.createRole('app');
    expect(await local.post(TOKENS, { role: superuser })).toMatchObject(refusal(403, 'TOKEN_ROLE_REFUSED'));
    // The sidecar's login on the second may not grant the role.
    expect(await local.post(TOKENS, { role })).toMatchObject(refusal(403, 'TOKEN_ROLE_REFUSED'));
    expect(await local.get(TOKENS)).toMatchObject({ status: 200, body: { tokens: [] } });
  });
});
