import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { adminPool, eitherPostgresServer } from '../support/postgres.js';
import { runnableBlocks, statementsOf } from '../support/runnable-document.js';
import { type SidecarProcess, spawnSidecar } from '../support/sidecar.js';
import {
  createStatement,
  type IncidentTable,
  incidents,
  installPortal,
  inventRoles,
  type Portal,
  portalFolder,
  portalSchema,
  startPortal,
} from '../support/support-portal.js';
import { eventually } from '../support/synced-lake.js';

// Goal: the portal's server gives each ticket one owner and loses no change, whatever happens to the synced table below it;
// and its role may do what the README says and nothing else.

interface Ticket {
  readonly incident_id: string;
  readonly escalation_risk?: number;
  readonly status: string;
  readonly owner: string | null;
  readonly version: number;
  readonly comment_count: number;
  readonly is_closed_upstream: boolean;
  readonly comments: readonly { readonly author: string; readonly body: string }[];
  readonly activity: readonly { readonly actor: string; readonly what: string }[];
}

interface Answer extends Ticket {
  readonly httpStatus: number;
  readonly tickets: readonly Ticket[];
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly ticket?: Ticket;
  readonly error?: { readonly code: string; readonly message: string };
}

describe.each(eitherPostgresServer(import.meta.url))('examples/support-portal on $name', (server) => {
  let database: MigratedDatabase;
  let folder: string;
  let source: IncidentTable;
  let sidecar: SidecarProcess;
  let portal: Portal;
  let portalUrl: string;
  const roles = inventRoles();
  const { application: role } = roles;

  const startSidecar = () =>
    spawnSidecar({ url: database.url, lakeRoot: path.join(folder, 'lake'), folder, leaseSeconds: 1, pollSeconds: 1 });

  beforeAll(async () => {
    database = await createMigratedDatabase(server);
    // Rights on the database itself are not copied with it.
    await database.admin.query('select from synced_tables.repair()');
    folder = mkdtempSync(path.join(tmpdir(), 'test-portal-'));
    source = await incidents.openIncidents(path.join(folder, 'lake'), { count: 60 });
    sidecar = await startSidecar();
    await database.admin.query(createStatement());
    await synced();
    portalUrl = await installPortal(database.admin, database.url, roles);
    portal = await startPortal({ databaseUrl: portalUrl, port: 0 });
  });
  afterAll(async () => {
    await portal?.stop();
    await sidecar?.kill();
    source?.close();
    await database[Symbol.asyncDispose]();
    await adminPool(server.url).query(`drop role if exists ${role}, ${roles.owner}`);
    rmSync(folder, { recursive: true, force: true });
  });

  const synced = () =>
    database.admin.query(
      `call synced_tables.wait_for_version('support.incidents', ${source.version}, interval '150 s')`,
    );

  async function send(
    method: string,
    address: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(portal.url + address, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { httpStatus: response.status, ...((await response.json()) as object) } as Answer;
  }
  const get = (address: string) => send('GET', address);
  const post = (id: string, action: string, body: object) => send('POST', `/api/tickets/${id}/${action}`, body);
  const idOf = (number: number) => `INC-${String(number).padStart(4, '0')}`;

  it('lists what the source has, filtered and in the order that was asked for', async () => {
    const all = await get('/api/tickets?status=all&limit=1000');
    const rows = await source.query(
      'select incident_id, escalation_risk from rows order by escalation_risk desc, incident_id',
    );
    expect(all.tickets.map(({ incident_id, escalation_risk }) => ({ incident_id, escalation_risk }))).toEqual(rows);
    const count = async (condition: string) => (await source.query(`select 1 from rows where ${condition}`)).length;
    const total = async (query: string) => (await get(`/api/tickets?${query}`)).total;
    expect(await total('risk=0.5')).toBe(await count('escalation_risk >= 0.5'));
    expect(await total('category=payments')).toBe(await count(`category = 'payments'`));
    expect(await total('q=90%25')).toBe(await count(`contains(title, '90%')`));
    expect(await total('q=inc-0007')).toBe(1);
    expect((await get('/api/tickets?limit=5')).tickets).toHaveLength(5);
    const byNumber = await get('/api/tickets?sort=id&limit=2');
    expect(byNumber.tickets.map(({ incident_id }) => incident_id)).toEqual([idOf(1), idOf(2)]);
  });

  it('lets one of many who claim at once have the ticket, and tells the others who', async () => {
    const agents = ['Ana', 'Rui', 'Mira', 'Tom', 'Eva', 'Leo'];
    const answers = await Promise.all(agents.map((agent) => post(idOf(1), 'claim', { agent })));
    const winners = answers.filter(({ httpStatus }) => httpStatus === 200);
    expect(winners).toHaveLength(1);
    const owner = winners[0]?.owner;
    const losers = answers.filter(({ httpStatus }) => httpStatus === 409);
    expect(losers).toHaveLength(5);
    for (const { error, ticket } of losers) {
      expect(error).toEqual({ code: 'TAKEN', message: `${owner} has ${idOf(1)} already.` });
      expect(ticket).toMatchObject({ owner, status: 'claimed' });
    }
    const { activity } = await get(`/api/tickets/${idOf(1)}`);
    expect(activity.map(({ actor, what }) => ({ actor, what }))).toEqual([
      { actor: owner, what: 'claimed the ticket' },
    ]);
    // Who clicks twice has it all the same.
    expect(await post(idOf(1), 'claim', { agent: owner })).toMatchObject({ httpStatus: 200, owner });
  });

  it('refuses a status from somebody who has not seen the newest version, and sends that along', async () => {
    const { version } = await post(idOf(2), 'claim', { agent: 'Ana' });
    const waiting = await post(idOf(2), 'status', { agent: 'Ana', status: 'waiting', version });
    expect(waiting).toMatchObject({ httpStatus: 200, status: 'waiting', owner: 'Ana', version: version + 1 });
    expect(await post(idOf(2), 'status', { agent: 'Rui', status: 'resolved', version })).toMatchObject({
      httpStatus: 409,
      error: { code: 'STALE', message: `Ana has changed ${idOf(2)} meanwhile.` },
      ticket: { status: 'waiting', version: version + 1 },
    });
    const both = await Promise.all(
      ['resolved', 'claimed'].map((status) => post(idOf(2), 'status', { agent: 'Rui', status, version: version + 1 })),
    );
    expect(both.map(({ httpStatus }) => httpStatus).sort()).toEqual([200, 409]);
  });

  it('knows a ticket that nobody has touched as version 0, also after a comment', async () => {
    const stale = await Promise.all(
      ['Ana', 'Rui'].map((agent) => post(idOf(3), 'status', { agent, status: 'resolved', version: 0 })),
    );
    expect(stale.map(({ httpStatus }) => httpStatus).sort()).toEqual([200, 409]);
    await post(idOf(4), 'comments', { agent: 'Mira', body: ' Reads well. ' });
    const taken = await post(idOf(4), 'status', { agent: 'Rui', status: 'waiting', version: 0 });
    expect(taken).toMatchObject({
      owner: 'Rui',
      comments: [{ author: 'Mira', body: 'Reads well.' }],
      comment_count: 1,
    });
    const released = await post(idOf(4), 'status', { agent: 'Rui', status: 'new', version: taken.version });
    expect(released).toMatchObject({ owner: null, status: 'new' });
    expect(released.activity.map(({ what }) => what)).toEqual([
      'commented',
      'claimed the ticket',
      'released the ticket',
    ]);
  });

  it('refuses what is not right, in words', async () => {
    const refusals = [
      await post(idOf(5), 'claim', {}),
      await post(idOf(5), 'claim', { agent: '<b>' }),
      await post(idOf(5), 'status', { agent: 'Ana', status: 'lost', version: 0 }),
      await post(idOf(5), 'status', { agent: 'Ana', status: 'waiting' }),
      await post(idOf(5), 'comments', { agent: 'Ana', body: ' ' }),
      await post(idOf(5), 'comments', { agent: 'Ana', body: 'x'.repeat(4001) }),
      await post(idOf(5), 'comments', { agent: 'Ana', body: 'x'.repeat(20_000) }),
      await post(idOf(5), 'comments', { agent: 'Ana', body: 'a\0b' }),
      await post('INC-9999', 'claim', { agent: 'Ana' }),
      await get('/api/tickets?status=lost'),
      await get('/api/tickets?sort=price'),
      await get('/api/tickets?risk=high'),
      await get('/api/tickets?limit=0'),
      await get('/api/tickets/%E0'),
      await get('/api/nothing'),
      await send('POST', `/api/tickets/${idOf(5)}/claim`, { agent: 'Ana' }, { Origin: 'http://elsewhere.example' }),
      await send('GET', '/api/tickets', undefined, { 'Sec-Fetch-Site': 'cross-site' }),
    ];
    expect(refusals.map(({ httpStatus, error }) => `${httpStatus} ${error?.code}`)).toEqual([
      '400 AGENT_MISSING',
      '400 AGENT_MISSING',
      '400 STATUS_UNKNOWN',
      '400 VERSION_MISSING',
      '400 COMMENT_INVALID',
      '400 COMMENT_INVALID',
      '413 TOO_LARGE',
      '400 VALUE_REFUSED',
      '404 TICKET_UNKNOWN',
      '400 STATUS_UNKNOWN',
      '400 SORT_UNKNOWN',
      '400 RISK_INVALID',
      '400 LIMIT_INVALID',
      '400 VALUE_REFUSED',
      '404 NOT_FOUND',
      '403 OTHER_SITE',
      '403 OTHER_SITE',
    ]);
    expect(await get(`/api/tickets/${idOf(5)}`)).toMatchObject({ status: 'new', version: 0, comments: [] });
  });

  it('serves its page under a policy that allows nothing from elsewhere', async () => {
    const html = readFileSync(path.join(portalFolder, 'page/index.html'), 'utf8');
    expect(html).not.toMatch(/https?:\/\/|<style|style=|\son\w+=/);
    const response = await fetch(`${portal.url}/?tab=mine`);
    expect(await response.text()).toBe(html);
    expect(response.headers.get('content-security-policy')).toContain(`default-src 'none'; script-src 'self';`);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    for (const name of readdirSync(path.join(portalFolder, 'page'))) {
      expect((await fetch(`${portal.url}/${name === 'index.html' ? '' : name}`)).status, name).toBe(200);
    }
    expect((await fetch(`${portal.url}/../server.mjs`)).status).toBe(404);
  });

  it('tells open pages of predictions and of what agents do', async () => {
    await using stream = await openStream(portal.url);
    await stream.hear('connection', ({ live }) => live === true);
    await source.commit(incidents.rescoring(idOf(6), 0.77));
    await stream.hear('predictions', ({ version }) => version === source.version);
    expect((await get(`/api/tickets/${idOf(6)}`)).escalation_risk).toBe(0.77);
    await post(idOf(6), 'claim', { agent: 'Ana' });
    await stream.hear('tickets', ({ ids }) => ids?.includes(idOf(6)) === true);
    // Whatever others announce on these channels does no harm.
    await database.admin.query(`notify portal_changes, 'nonsense'; notify synced_table_updates, 'null'`);
    await post(idOf(7), 'claim', { agent: 'Ana' });
    await stream.hear('tickets', ({ ids }) => ids?.includes(idOf(7)) === true);
  });

  it('is live again after its connections were cut, and says in its log why it was not', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    try {
      await using stream = await openStream(portal.url);
      await stream.hear('connection', ({ live }) => live === true);
      await database.admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
      await stream.hear('connection', ({ live }) => live === false);
      await stream.hear('connection', ({ live }) => live === true, 2);
      expect((await get('/api/tickets')).httpStatus).toBe(200);
      expect(log.mock.calls.flat()).toContain(
        'support-portal: not live: terminating connection due to administrator command',
      );
    } finally {
      log.mockRestore();
    }
  });

  it('keeps what agents did through a full refresh and a kill of the sidecar', async () => {
    const { version } = await post(idOf(8), 'claim', { agent: 'Ana' });
    await post(idOf(8), 'status', { agent: 'Ana', status: 'waiting', version });
    await post(idOf(8), 'comments', { agent: 'Ana', body: 'Asked for the invoice.' });
    const before = await get(`/api/tickets/${idOf(8)}`);
    await database.admin.query(
      `call synced_tables.wait_for_update(synced_tables.sync_now('support.incidents', full_refresh => true), interval '150 s')`,
    );
    expect(await get(`/api/tickets/${idOf(8)}`)).toEqual(before);
    await sidecar.kill();
    await source.commit(incidents.rescoring(idOf(8), 0.123));
    expect(await get(`/api/tickets/${idOf(8)}`)).toEqual(before);
    sidecar = await startSidecar();
    await synced();
    const after = await get(`/api/tickets/${idOf(8)}`);
    expect(after).toMatchObject({ escalation_risk: 0.123, status: 'waiting', owner: 'Ana', comments: before.comments });
  });

  it('shows what was done about an incident that is gone upstream', async () => {
    await post(idOf(9), 'claim', { agent: 'Rui' });
    await post(idOf(10), 'comments', { agent: 'Rui', body: 'Twice the same as another.' });
    await source.commit(incidents.removal(idOf(9)), incidents.removal(idOf(10)));
    await synced();
    const { tickets, counts } = await get('/api/tickets?status=closed');
    expect(tickets.map(({ incident_id }) => incident_id).sort()).toEqual([idOf(9), idOf(10)]);
    expect(counts.closed_upstream).toBe(2);
    const orphan = await get(`/api/tickets/${idOf(10)}`);
    expect(orphan).toMatchObject({ is_closed_upstream: true, comments: [{ body: 'Twice the same as another.' }] });
    const closed = { httpStatus: 409, error: { code: 'CLOSED_UPSTREAM' } };
    expect(await post(idOf(10), 'claim', { agent: 'Ana' })).toMatchObject(closed);
    expect(await post(idOf(9), 'status', { agent: 'Rui', status: 'resolved', version: 1 })).toMatchObject(closed);
    expect(await post(idOf(9), 'comments', { agent: 'Rui', body: 'Closed by them.' })).toMatchObject({
      comment_count: 1,
    });
  });

  it('runs as a program that knows nothing but its connection string', async () => {
    const program = path.join(portalFolder, 'server.mjs');
    const { PATH = '' } = process.env;
    const start = (environment: Record<string, string>) =>
      spawn(process.execPath, [program], { env: { PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    const child = start({ PORTAL_DATABASE_URL: portalUrl, PORT: '0' });
    const ended = once(child, 'exit');
    try {
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      const [, url = ''] = /The portal is at (\S+)\n/.exec(said.toString()) ?? [];
      expect(await (await fetch(`${url}api/tickets?status=all`)).json()).toMatchObject({ total: expect.any(Number) });
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    expect(await once(start({}), 'exit')).toEqual([2, null]);
  });

  it('shows in psql what the README says, a change by hand included', async () => {
    const listener = await database.connect();
    let isTold = false;
    listener.on('notification', () => {
      isTold = true;
    });
    for (const { language, text } of runnableBlocks('examples/support-portal/README.md')) {
      if (language !== 'sql' || text.includes('create_synced_table')) continue;
      for (const statement of statementsOf(text)) {
        const asked = listener.query(statement);
        if (statement.includes('wait_for_verification'))
          await expect(asked).rejects.toThrow(/differs .* changed by hand/);
        else await asked;
      }
    }
    await eventually(async () => isTold, 'the full refresh is announced');
    const { rows } = await database.admin.query(`select from support.incidents where title = 'Changed'`);
    expect(rows).toEqual([]);
    await listener.end();
  });

  it('can be installed again, and keeps its data', async () => {
    const before = await get('/api/tickets?status=all&limit=1000');
    await database.admin.query(portalSchema(roles));
    const { tickets } = await get('/api/tickets?status=all&limit=1000');
    expect(tickets).toEqual(before.tickets);
  });

  describe('the role of the application', () => {
    const withRole = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
      const client = new pg.Client({ connectionString: portalUrl, application_name: 'test' });
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    };

    it('has the rights of the README on the two schemas, column by column', async () => {
      const { rows } = await database.admin.query<{ right: string }>(`
        with relations as (
          select c.oid, c.oid::regclass::text as name, c.relkind
            from pg_class c where c.relnamespace in ('support'::regnamespace, 'portal'::regnamespace))
        select privilege || ' ' || name as right
          from relations, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
         where relkind in ('r', 'p', 'v', 'm', 'f') and has_table_privilege('${role}', oid, privilege)
         union all
        select privilege || ' ' || name || ' ' || string_agg(a.attname, ',' order by a.attnum)
          from relations cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
          join pg_attribute a on a.attrelid = oid and a.attnum > 0 and not a.attisdropped
         where not has_table_privilege('${role}', oid, privilege)
           and has_column_privilege('${role}', oid, a.attnum, privilege)
         group by privilege, name
         union all
        select 'SEQUENCE ' || name from relations
         where case when relkind = 'S' then has_sequence_privilege('${role}', oid, 'USAGE, SELECT, UPDATE') end
         union all
        select 'EXECUTE ' || oid::regprocedure::text from pg_proc
         where pronamespace in ('support'::regnamespace, 'portal'::regnamespace)
           and has_function_privilege('${role}', oid, 'EXECUTE')
         order by 1`);
      expect(rows.map(({ right }) => right)).toEqual([
        'INSERT portal.comments',
        'INSERT portal.ticket_state',
        'SELECT portal.activity',
        'SELECT portal.comments',
        'SELECT portal.orphans',
        'SELECT portal.ticket_state',
        'SELECT portal.tickets',
        'SELECT support.incidents',
        'UPDATE portal.ticket_state owner,status,version,updated_by,updated_at',
      ]);
    });

    it('has no other right that not everybody has', async () => {
      const { rows } = await database.admin.query<{ found: string }>(`
        select 'member of ' || r.rolname as found from pg_auth_members m join pg_roles r on r.oid = m.roleid
         where m.member = '${role}'::regrole
         union all
        select concat_ws(' ', 'role', rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls) from pg_roles
         where rolname = '${role}'
         union all
        select 'database ' || privilege from unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) privilege
         where has_database_privilege('${role}', current_database(), privilege)
         union all
        select 'schema ' || privilege || ' ' || nspname from pg_namespace, unnest(array['USAGE', 'CREATE']) privilege
         where has_schema_privilege('${role}', oid, privilege) and nspname !~ '^(pg_|information_schema$)'
         union all
        select 'outside: ' || classid::regclass || ' ' || objid from pg_shdepend
         where refobjid = '${role}'::regrole and dbid not in (0, (select oid from pg_database where datname = current_database()))
         order by 1`);
      expect(rows.map(({ found }) => found)).toEqual([
        'database CONNECT',
        'role f f f f f',
        // What every role of a database with synced tables may look into: the guard and the calls check who it is.
        'schema USAGE databricks_auth',
        'schema USAGE portal',
        'schema USAGE support',
        'schema USAGE synced_tables_internal',
      ]);
    });

    it.each([
      `update support.incidents set escalation_risk = 0`,
      `insert into support.incidents (incident_id) values ('INC-1')`,
      `delete from support.incidents`,
      `truncate support.incidents`,
      `create index on support.incidents (title)`,
      `alter table support.incidents add column note text`,
      `drop table support.incidents`,
      `create view support.mine as select 1`,
      `select * from support.incidents for update`,
      `delete from portal.ticket_state`,
      `update portal.ticket_state set incident_id = 'INC-1'`,
      `truncate portal.comments`,
      `update portal.comments set body = ''`,
      `delete from portal.comments`,
      `insert into portal.activity (incident_id, actor, what) values ('INC-1', 'Ana', 'was here')`,
      `delete from portal.activity`,
      `select portal.note_comment()`,
      `alter table portal.comments disable trigger all`,
      `create table portal.mine ()`,
      `create table public.mine ()`,
      `create temporary table mine ()`,
      `create schema mine`,
      `create role mine`,
      `create extension pg_trgm schema portal`,
      `set role portal_owner`,
      `set role databricks_superuser`,
      `alter role support_portal superuser`,
      `select * from synced_tables.status`,
      `select synced_tables.sync_now('support.incidents')`,
      `select synced_tables.delete_synced_table('support.incidents', purge => true)`,
      `select * from synced_tables._tables`,
      `select * from databricks_auth.synced_tables`,
      `select public.databricks_synced_table_add_manager('support.incidents'::regclass, 'support_portal')`,
      `select * from pg_authid`,
      `copy support.incidents to program 'true'`,
      `select pg_read_file('/etc/hostname')`,
      `set databricks_auth.allow_ddl = on; drop table support.incidents`,
    ])('may not %s', async (statement) => {
      const own = statement.replaceAll('support_portal', role).replaceAll('portal_owner', roles.owner);
      const error = await withRole((client) => client.query(own).catch((thrown: unknown) => thrown));
      expect(error).toBeInstanceOf(pg.DatabaseError);
      expect(['42501', '25006'], String(error)).toContain((error as pg.DatabaseError).code);
    });

    it('reads incidents only with its own right: without it the views show nothing', async () => {
      await database.admin.query(`revoke select on support.incidents from ${role}`);
      try {
        const error = await withRole((client) =>
          client.query('table portal.tickets').catch((thrown: unknown) => thrown),
        );
        expect((error as pg.DatabaseError).code).toBe('42501');
      } finally {
        await database.admin.query(`grant select on support.incidents to ${role}`);
      }
    });
  });
});

interface HeardData {
  readonly live?: boolean;
  readonly version?: number | null;
  readonly ids?: readonly string[];
}

interface HeardEvent {
  readonly event: string;
  readonly data: HeardData;
}

/** Listens to the portal's stream; `hear` waits until as many events have come that fit. */
async function openStream(url: string) {
  const closing = new AbortController();
  const response = await fetch(`${url}/api/stream`, { signal: closing.signal });
  const heard: HeardEvent[] = [];
  const reading = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const parts = (text + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (event && data) heard.push({ event, data: JSON.parse(data) });
      }
    }
  })().catch(() => {});
  return {
    hear: (event: string, fits: (data: HeardData) => boolean, count = 1) =>
      eventually(
        async () => heard.filter((each) => each.event === event && fits(each.data)).length >= count,
        `${event} is told`,
      ),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await reading;
    },
  };
}
