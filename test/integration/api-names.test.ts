import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: a three-part name means one table, in whatever database and by whichever sidecar it was asked for; and the
// older API can be given projects.

const TABLES = '/api/2.0/database/synced_tables';
const CATALOGS = '/api/2.0/database/catalogs';

describe.each(eitherPostgresServer(import.meta.url))('names over HTTP on $name', (server) => {
  let synced: SyncedLake;
  /** Two sidecars over the same instance. */
  let doors: ApiClient[];
  let database: string;
  let second: string;
  let keeper: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    // A source feeds 20 synced tables at most.
    for (const name of ['g.t', 'g.p']) {
      await synced.lake.createTable(name, { id: 'long' }, 'select i as id from range(3) t(i)');
    }
    database = (await synced.value('select current_database()')) ?? '';
    second = `${database}_second`;
    keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    const token = await createToken(synced, keeper);
    const sidecars = [
      await synced.startSidecar({ url: synced.database.url }),
      await synced.startSidecar({ url: synced.database.url }),
    ];
    doors = sidecars.map(({ url }) => new ApiClient(url, token));
    for (const door of doors) {
      const name = `made_${doors.indexOf(door)}`;
      const made = await door.post(CATALOGS, {
        name,
        database_instance_name: 'local',
        database_name: second,
        create_database_if_not_exists: true,
      });
      expect(made).toMatchObject({ status: 200 });
    }
  });
  afterAll(async () => {
    await synced?.stopSidecars();
    if (synced) await dropSecond();
    await synced?.[Symbol.asyncDispose]();
  });

  const dropSecond = async () => {
    const oid = await synced.value('select oid from pg_database where datname = $1', [second]);
    await synced.admin.query(`drop database if exists ${second} with (force)`);
    const owners = `select rolname as name from pg_roles where starts_with(rolname, 'databricks_st_${oid}_')`;
    for (const { name } of (await synced.admin.query(owners)).rows) await synced.admin.query(`drop role ${name}`);
  };
  const request = (name: string, place: string, more: object = {}) => ({
    name,
    database_instance_name: 'local',
    logical_database_name: place,
    spec: { source_table_full_name: 'lake.g.t', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' },
    ...more,
  });
  const statuses = (replies: readonly { readonly status: number }[]) => replies.map(({ status }) => status).sort();

  it('gives a name once, also to creates in different databases at once', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 8; round++) {
      const name = `standard.race.t${round}`;
      const asked = [0, 1, 2, 3].map((n) => doors[n % 2]?.post(TABLES, request(name, n < 2 ? database : second)));
      const replies = (await Promise.all(asked)).filter((reply) => reply !== undefined);
      expect([round, statuses(replies)]).toEqual([round, [200, 409, 409, 409]]);
      expect(replies.filter(({ status }) => status === 409).map(({ body }) => body.error_code)).toEqual(
        Array(3).fill('ALREADY_EXISTS'),
      );
      const [made] = replies.filter(({ status }) => status === 200);
      const read = await doors[0]?.get(`${TABLES}/${name}`);
      expect(read?.body.effective_logical_database_name).toBe(made?.body.effective_logical_database_name);
    }
    expect(await synced.value('select count(*) from synced_tables._reserved_names')).toBe('0');
  });

  it('makes twelve tables at once, each in its database', { timeout: 120_000 }, async () => {
    const asked = Array.from({ length: 12 }, (_, n) =>
      doors[n % 2]?.post(TABLES, request(`standard.many.t${n}`, n % 3 === 0 ? second : database)),
    );
    expect(statuses((await Promise.all(asked)).filter((reply) => reply !== undefined))).toEqual(Array(12).fill(200));
  });

  it('gives the name of a catalog once, also to creates for different databases at once', async () => {
    for (let round = 0; round < 5; round++) {
      const body = (place: string) => ({ name: `c${round}`, database_instance_name: 'local', database_name: place });
      const replies = await Promise.all(doors.map((door, n) => door.post(CATALOGS, body(n === 0 ? database : second))));
      expect(statuses(replies)).toEqual([200, 409]);
    }
  });

  it('gives a name to a synced or a registered table, not to both, and not to who cannot see the other', async () => {
    const [door] = doors;
    if (!door) throw new Error('no door');
    await synced.admin.query('create schema own; create table own.plain (id int)');
    await synced.admin.query(`grant usage on schema own to ${keeper}; grant select on own.plain to ${keeper}`);
    const table = { name: 'standard.own.plain', database_instance_name: 'local', logical_database_name: database };
    const register = (client: ApiClient, body: object) => client.post('/api/2.0/database/tables', body);
    expect(await register(door, table)).toMatchObject({ status: 200 });
    expect(await door.post(TABLES, request('standard.own.plain', second))).toMatchObject({ status: 409 });
    const role = await synced.database.createRole('other');
    await synced.admin.query(`create table if not exists own.t0 (id int); grant usage on schema own to ${role};
                              grant select on own.t0 to ${role}`);
    const other = new ApiClient(door.url, await createToken(synced, role));
    expect(await door.post(TABLES, request('standard.own.t0', second))).toMatchObject({ status: 200 });
    expect(await other.get(`${TABLES}/standard.own.t0`)).toMatchObject({ status: 404 });
    expect(await register(other, { ...table, name: 'standard.own.t0' })).toMatchObject({ status: 409 });
  });

  it('waits for who is about to take a name, and says so in the end', { timeout: 60_000 }, async () => {
    const [door] = doors;
    if (!door) throw new Error('no door');
    const reserve = async (name: string) =>
      synced.value('select synced_tables_internal._reserve_name($1, $2)', [`table ${name}`, 'local/elsewhere']);
    const held = await reserve('standard.wait.t');
    const asked = door.post(TABLES, request('standard.wait.t', database));
    setTimeout(() => {
      void synced.admin.query('delete from synced_tables._reserved_names where reservation_id = $1', [held]);
    }, 500);
    expect(await asked).toMatchObject({ status: 200 });
    await reserve('standard.wait.u');
    const refused = await door.post(TABLES, request('standard.wait.u', database));
    expect(refused).toMatchObject({
      status: 409,
      body: { error_code: 'ABORTED', details: [{ reason: 'NAME_BEING_TAKEN' }, {}] },
    });
    // What a sidecar that died has left ends by itself.
    await synced.admin.query(`update synced_tables._reserved_names set reserved_until = now() - interval '1 s'`);
    expect(await door.post(TABLES, request('standard.wait.u', database))).toMatchObject({ status: 200 });
  });

  it('takes projects and branches in place of an instance, and refuses what is none', async () => {
    const [door] = doors;
    if (!door) throw new Error('no door');
    const { uid } = (await door.get('/api/2.0/database/instances/local')).body;
    const create = (n: number, fields: object) =>
      door.post(TABLES, {
        ...request(`standard.project.t${n}`, database, {
          spec: { source_table_full_name: 'lake.g.p', primary_key_columns: ['id'], scheduling_policy: 'SNAPSHOT' },
        }),
        database_instance_name: undefined,
        ...fields,
      });
    const good = [
      { database_project_id: 'local' },
      { database_project_id: 'projects/local', database_branch_id: 'production' },
      { database_project_id: uid, database_branch_id: 'projects/local/branches/production' },
      { database_project_id: 'local', database_instance_name: 'local' },
    ];
    for (const [n, fields] of good.entries()) {
      expect(await create(n, fields)).toMatchObject({
        status: 200,
        body: { effective_database_instance_name: 'local', effective_database_project_id: 'local' },
      });
    }
    const wrong: [object, number][] = [
      [{}, 400],
      [{ database_branch_id: 'production' }, 400],
      [{ database_project_id: 'elsewhere' }, 404],
      [{ database_project_id: 'local', database_branch_id: 'development' }, 404],
      [{ database_project_id: 'local', database_instance_name: 'elsewhere' }, 404],
    ];
    for (const [fields, status] of wrong) expect([fields, (await create(9, fields)).status]).toEqual([fields, status]);
    const catalog = { name: 'of_project', database_project_id: 'local', database_name: database };
    expect(await door.post(CATALOGS, catalog)).toMatchObject({ status: 200 });
    expect(await door.post(CATALOGS, { name: 'of_nothing', database_name: database })).toMatchObject({ status: 400 });
  });
});
