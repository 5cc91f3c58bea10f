import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, type ApiReply, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: a job that starts the pipeline of a synced table, with the schedule that Terraform and the SDK write, does what it
// says; whatever else jobs can do is refused by name, and rights are those of the caller.

const JOBS = '/api/2.2/jobs';
const reasonOf = ({ status, body }: ApiReply) => [status, body.details?.[0]?.reason];

describe.each(eitherPostgresServer(import.meta.url))('jobs on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let stranger: ApiClient;
  let reader: ApiClient;
  let readerRole: string;
  const pipelines: string[] = [];
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    for (const name of ['j.one', 'j.two']) {
      await synced.lake.createTable(name, { id: 'long' }, 'select i as id from range(3) t(i)');
      await synced.load(name);
      pipelines.push(
        (await synced.value('select pipeline_id from synced_tables.status where synced_table = $1', [name])) ?? '',
      );
    }
    const as = async (role: string) => new ApiClient(url, await createToken(synced, role));
    api = await as(await synced.database.createRole('keeper', 'databricks_superuser'));
    stranger = await as(await synced.database.createRole('stranger'));
    readerRole = await synced.database.createRole('reader');
    await synced.admin.query(`grant usage on schema j to ${readerRole}; grant select on j.one, j.two to ${readerRole}`);
    reader = await as(readerRole);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const settings = (pipeline: string | undefined, more: object = {}) => ({
    name: 'refresh',
    tasks: [
      { task_key: 'sync', pipeline_task: { pipeline_id: pipeline }, timeout_seconds: 0, email_notifications: {} },
    ],
    schedule: { quartz_cron_expression: '0 0/15 * * * ?', timezone_id: 'Europe/Berlin', pause_status: 'UNPAUSED' },
    tags: { team: 'data' },
    ...more,
  });
  const scheduleOf = (pipeline: string | undefined) =>
    synced.value(`select cron || ' ' || time_zone from synced_tables._schedules where pipeline_id = $1`, [pipeline]);

  it('creates, reads, changes and deletes a job together with its schedule', async () => {
    const [one, two] = pipelines;
    const created = await api.post(`${JOBS}/create`, settings(one));
    expect(created).toMatchObject({ status: 200, body: { job_id: expect.any(Number) } });
    const { job_id } = created.body;
    expect(await scheduleOf(one)).toBe('0 0-59/15 * * * ? Europe/Berlin');
    expect((await api.get(`${JOBS}/get?job_id=${job_id}`)).body).toMatchObject({ job_id, settings: settings(one) });
    expect((await api.get('/api/2.1/jobs/list?name=REFRESH')).body).toMatchObject({
      jobs: [{ job_id }],
      has_more: false,
    });
    expect((await api.get(`${JOBS}/list?name=other`)).body).toMatchObject({ jobs: [] });
    expect(reasonOf(await api.post(`${JOBS}/create`, settings(one)))).toEqual([409, 'JOB_EXISTS']);
    const paused = { ...settings(one).schedule, pause_status: 'PAUSED' };
    expect(await api.post(`${JOBS}/update`, { job_id, new_settings: { schedule: paused } })).toMatchObject({
      status: 200,
    });
    expect(await scheduleOf(one)).toBeNull();
    expect((await api.get(`${JOBS}/get?job_id=${job_id}`)).body.settings).toMatchObject({
      ...settings(one),
      schedule: paused,
    });
    expect(await api.post(`${JOBS}/reset`, { job_id, new_settings: settings(two) })).toMatchObject({ status: 200 });
    expect([await scheduleOf(one), await scheduleOf(two)]).toEqual([null, '0 0-59/15 * * * ? Europe/Berlin']);
    const without = { job_id, fields_to_remove: ['schedule', 'tags'] };
    expect(await api.post(`${JOBS}/update`, without)).toMatchObject({ status: 200 });
    expect(await scheduleOf(two)).toBeNull();
    expect((await api.get(`${JOBS}/get?job_id=${job_id}`)).body.settings).not.toHaveProperty('tags');
    expect(await api.post(`${JOBS}/reset`, { job_id, new_settings: settings(two) })).toMatchObject({ status: 200 });
    expect(await api.post(`${JOBS}/delete`, { job_id })).toMatchObject({ status: 200 });
    expect(await scheduleOf(two)).toBeNull();
    expect(reasonOf(await api.get(`${JOBS}/get?job_id=${job_id}`))).toEqual([404, 'JOB_NOT_FOUND']);
  });

  it('runs its pipeline when it is asked to, and tells how that went', { timeout: 120_000 }, async () => {
    const { job_id } = (await api.post(`${JOBS}/create`, settings(pipelines[0], { schedule: undefined }))).body;
    const started = await api.post(`${JOBS}/run-now`, { job_id, pipeline_params: { full_refresh: true } });
    expect(started).toMatchObject({ status: 200, body: { run_id: expect.any(Number) } });
    const { run_id } = started.body;
    const run = async () => (await api.get(`${JOBS}/runs/get?run_id=${run_id}`)).body;
    await expect.poll(async () => (await run()).state.life_cycle_state, { timeout: 60_000 }).toBe('TERMINATED');
    expect(await run()).toMatchObject({
      job_id,
      run_id,
      trigger: 'ONE_TIME',
      state: { result_state: 'SUCCESS' },
      tasks: [{ task_key: 'sync', pipeline_task: { pipeline_id: pipelines[0] }, state: { result_state: 'SUCCESS' } }],
    });
    // What `databricks bundle run` asks for at the end.
    const output = await api.get(`${JOBS}/runs/get-output?run_id=${run_id}`);
    expect(output).toMatchObject({ status: 200, body: { metadata: { run_id, state: { result_state: 'SUCCESS' } } } });
    expect(output.body).not.toHaveProperty('error');
    expect((await run()).end_time).toBeGreaterThanOrEqual((await run()).start_time);
    expect((await api.get(`${JOBS}/runs/list?job_id=${job_id}`)).body).toMatchObject({
      runs: [{ run_id }],
      has_more: false,
    });
    expect((await api.get(`${JOBS}/runs/list?job_id=${job_id}&active_only=true`)).body.runs).toEqual([]);
    expect(await api.post(`${JOBS}/runs/cancel`, { run_id })).toMatchObject({ status: 200 });
    expect(reasonOf(await stranger.get(`${JOBS}/runs/get?run_id=${run_id}`))).toEqual([404, 'JOB_RUN_NOT_FOUND']);
    // What somebody asked for otherwise is no run of the job.
    await synced.sync('j.one');
    expect((await api.get(`${JOBS}/runs/list?job_id=${job_id}`)).body.runs).toHaveLength(1);
    expect(reasonOf(await api.post(`${JOBS}/run-now`, { job_id, notebook_params: {} }))).toEqual([
      501,
      'NOT_IMPLEMENTED',
    ]);
    await api.post(`${JOBS}/delete`, { job_id });
  });

  it('is there for whoever sees the pipeline, and changed by whoever may schedule it', async () => {
    const { job_id } = (await api.post(`${JOBS}/create`, settings(pipelines[0]))).body;
    expect((await reader.get(`${JOBS}/get?job_id=${job_id}`)).status).toBe(200);
    for (const call of ['delete', 'run-now'] as const) {
      expect((await reader.post(`${JOBS}/${call}`, { job_id })).status).toBe(403);
      expect((await stranger.post(`${JOBS}/${call}`, { job_id })).status).toBe(404);
    }
    expect((await reader.post(`${JOBS}/create`, settings(pipelines[1]))).status).toBe(403);
    expect((await stranger.post(`${JOBS}/create`, settings(pipelines[1]))).status).toBe(404);
    expect((await stranger.get(`${JOBS}/list`)).body.jobs).toEqual([]);
    expect(await scheduleOf(pipelines[0])).not.toBeNull();
  });

  it('stays when its pipeline is deleted, until its creator gives it the next one', async () => {
    const remove = () => synced.admin.query(`select synced_tables.delete_synced_table('j.one')`);
    const create = async () => {
      await synced.load('j.one');
      await synced.admin.query(`grant select on j.one to ${readerRole}`);
      return (await synced.value(`select pipeline_id from synced_tables.status where synced_table = 'j.one'`)) ?? '';
    };
    const [{ job_id }] = (await api.get(`${JOBS}/list`)).body.jobs;
    const before = (await api.get(`${JOBS}/get?job_id=${job_id}`)).body;
    await remove();
    // As Terraform replaces a table that a job refers to: delete, create, update the job.
    expect((await api.get(`${JOBS}/get?job_id=${job_id}`)).body).toEqual(before);
    for (const other of [reader, stranger]) expect((await other.get(`${JOBS}/get?job_id=${job_id}`)).status).toBe(404);
    expect(reasonOf(await api.post(`${JOBS}/run-now`, { job_id }))).toEqual([404, 'PIPELINE_NOT_FOUND']);
    expect(reasonOf(await api.post(`${JOBS}/reset`, { job_id, new_settings: before.settings }))).toEqual([
      404,
      'PIPELINE_NOT_FOUND',
    ]);
    const next = await create();
    expect(next).not.toBe(pipelines[0]);
    expect(await api.post(`${JOBS}/reset`, { job_id, new_settings: settings(next) })).toMatchObject({ status: 200 });
    expect(await scheduleOf(next)).not.toBeNull();
    expect((await reader.get(`${JOBS}/get?job_id=${job_id}`)).status).toBe(200);
    // One that is not wanted any more is deleted like any other.
    await remove();
    expect(await api.post(`${JOBS}/delete`, { job_id })).toMatchObject({ status: 200 });
    expect((await api.get(`${JOBS}/list`)).body.jobs).toEqual([]);
  });

  it.each([
    ['tasks', { tasks: [] }, 400, 'needs a task'],
    ['several tasks', { tasks: [{ task_key: 'a' }, { task_key: 'b' }] }, 501, 'several tasks'],
    ['another task', { tasks: [{ task_key: 'a', notebook_task: { notebook_path: '/x' } }] }, 501, 'notebook_task'],
    ['a trigger', { trigger: { periodic: { interval: 1, unit: 'DAYS' } } }, 501, 'trigger'],
    ['a wrong time', { schedule: { quartz_cron_expression: '* * *', timezone_id: 'UTC' } }, 400, '3 fields'],
    ['no such zone', { schedule: { quartz_cron_expression: '0 0 8 * * ?', timezone_id: 'Mars' } }, 400, 'Mars'],
  ])('refuses %s, and says so', async (_, more, status, words) => {
    const refused = await api.post(`${JOBS}/create`, settings(pipelines[1], more));
    expect(refused.status).toBe(status);
    expect(refused.body.message).toContain(words);
  });
});
