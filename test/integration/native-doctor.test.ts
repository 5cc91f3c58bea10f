import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: what the doctor finds is read over HTTP by those who may watch the server, and looked for anew without a storm.

const DOCTOR = '/api/2.0/synced-tables/doctor';

const refusal = (status: number, reason: string) => ({
  status,
  body: { details: expect.arrayContaining([expect.objectContaining({ reason })]) },
});

describe.each(postgresServers().slice(-1))('the doctor over HTTP on $name', (server) => {
  it('examines when asked, once a minute, for all who ask at once', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const watcher = new ApiClient(
      url,
      await createToken(synced, await synced.database.createRole('watcher', 'pg_monitor')),
    );
    const stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    expect(await watcher.get(DOCTOR)).toMatchObject({
      status: 200,
      body: { findings: [], started_at: null, finished_at: null, is_running: false, wait_seconds: 0 },
    });
    for (const method of ['GET', 'POST']) {
      expect(await stranger.send(method, DOCTOR)).toMatchObject(refusal(403, 'ACCESS_DENIED'));
    }
    await synced.admin.query('alter event trigger databricks_auth_1_guard disable');
    const [one, two] = await Promise.all([watcher.post(DOCTOR), watcher.post(DOCTOR)]);
    expect(one.status).toBe(200);
    expect(two.body.finished_at).toBe(one.body.finished_at);
    const database = await synced.value('select current_database()');
    const { findings } = one.body;
    expect(findings[0]).toMatchObject({ severity: 'error', code: 'GUARD_DAMAGED', subject: `local/${database}` });
    expect(findings[0].remedy).toContain('SELECT * FROM synced_tables.repair();');
    expect(findings.at(-1).severity).toBe('ok');
    expect((await watcher.get(DOCTOR)).body).toMatchObject({ findings, finished_at: one.body.finished_at });
    const again = await watcher.post(DOCTOR);
    expect(again).toMatchObject(refusal(429, 'DOCTOR_RAN_JUST_NOW'));
    expect(again.body.message).toMatch(/ask again in \d+ s\.$/);
    await synced.admin.query('alter event trigger databricks_auth_1_guard enable');
  });

  it('tells of an instance only those who may watch it', async () => {
    await using second = await SyncedLake.create(server);
    await using first = await SyncedLake.create(server);
    const { url } = await first.startSidecar({ instances: { other: { url: second.sidecarUrl } } });
    const watcher = new ApiClient(
      url,
      await createToken(first, await first.database.createRole('watcher', 'pg_monitor')),
    );
    const { body } = await watcher.post(DOCTOR);
    const subjects = new Set(body.findings.map(({ subject }: { subject: string }) => subject.split(/[ /]/)[0]));
    expect(subjects).toContain('local');
    expect(subjects).toContain('machine');
    expect(subjects).not.toContain('other');
  });
});
