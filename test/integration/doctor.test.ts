import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeFindings } from '../../src/cli/doctor.js';
import type { Finding } from '../../src/core/finding.js';
import { examine } from '../../src/doctor/examine.js';
import { readLongTransactions } from '../../src/doctor/facts/server-facts.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import type { Settings } from '../../src/settings/settings-schema.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { publishByHand } from '../support/synced-table-fixture.js';

// Goal: whoever asks why a table is not synced is told what is wrong, how bad it is and what to do.

function settingsFor(url: string, more: object = {}): Settings {
  return checkSettings({ instances: { local: { url } }, ...more });
}

const codes = (findings: readonly Finding[]) => findings.map(({ code }) => code);
const of = (findings: readonly Finding[], code: string) => findings.filter((each) => each.code === code);

describe.each(postgresServers())('doctor on $name', (server) => {
  it('finds nothing wrong where a sidecar keeps a table in sync', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    await lake.lake.createTable('d.fine', { id: 'long' }, 'select 1 as id');
    await lake.load('d.fine');
    const settings = settingsFor(lake.database.url, { catalogs: { lake: { kind: 'path', root: lake.lake.root } } });
    const findings = await examine(settings);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(codes(findings)).toEqual(
      expect.arrayContaining([
        'MACHINE_READY',
        'CATALOG_READY',
        'SERVER_READY',
        'DATABASE_READY',
        'ROLE_READY',
        'GUARD_READY',
        'SIDECAR_RUNNING',
        'TABLES_FINE',
      ]),
    );
    // A role of the sidecar sees as much of it.
    const asSidecar = await examine({ ...settings, instances: { local: { url: lake.sidecarUrl } } });
    expect(codes(asSidecar)).toEqual(expect.arrayContaining(['ROLE_READY', 'GUARD_READY', 'SIDECAR_RUNNING']));
    expect(of(asSidecar, 'TABLES_FINE')[0]?.message).toContain('Synced tables: 1;');
  });

  it('says when functions and views are those of another version, which this one would replace', async () => {
    await using database = await createMigratedDatabase(server);
    const found = async () => codes(await examine(settingsFor(database.url)));
    expect(await found()).toContain('DATABASE_READY');
    await database.admin.query(`update synced_tables._schema set layer_hash = 'another'`);
    expect(await found()).toContain('FUNCTIONS_BEHIND');
    // Those of a newer version stay.
    await database.admin.query(`update synced_tables._schema set release = '99.0.0'`);
    expect(await found()).toContain('DATABASE_READY');
  });

  it('notices each event trigger and each write gate that is gone, off or replaced, and repair() puts it back', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    await admin.query(`select synced_tables.create_synced_table('d.x', 'lake.d.t', array['id'])`);
    await publishByHand(await database.connectAsSidecar(), 'd.x');
    const damageNow = async () =>
      (await examine(settingsFor(database.url)))
        .filter(({ code }) => code === 'GUARD_DAMAGED' || code === 'TABLE_UNPROTECTED')
        .map(({ message }) => message)
        .join('\n');
    expect(await damageNow()).toBe('');
    const { rows: triggers } = await admin.query<{ evtname: string }>(
      'select evtname from pg_event_trigger order by 1',
    );
    expect(triggers.length).toBe(10);
    for (const { evtname } of triggers) await admin.query(`alter event trigger ${evtname} disable`);
    const off = await damageNow();
    for (const { evtname } of triggers) expect(off).toContain(`event trigger ${evtname} is switched off`);
    for (const { evtname } of triggers) await admin.query(`drop event trigger ${evtname}`);
    const gone = await damageNow();
    for (const { evtname } of triggers) expect(gone).toContain(`event trigger ${evtname} is missing`);
    await admin.query(`create event trigger databricks_auth_drop on sql_drop when tag in ('DROP VIEW') execute function databricks_auth.ev_drop();
      alter event trigger databricks_auth_drop enable always`);
    expect(await damageNow()).toContain('event trigger databricks_auth_drop is not ours');
    await admin.query('select synced_tables.repair()');
    expect(await damageNow()).toBe('');

    const { rows: parts } = await admin.query<{ part: string }>(
      `select databricks_auth.sole_partition('d.x')::text as part`,
    );
    const part = parts[0]?.part ?? '';
    for (const [gate, relations] of [
      ['databricks_write_guard', ['d.x', part]],
      ['databricks_apply_guard', [part]],
    ] as const) {
      for (const relation of relations) {
        for (const [sql, damage] of [
          [`alter table ${relation} disable trigger ${gate}`, 'is switched off'],
          [`drop trigger ${gate} on ${relation}`, 'is missing'],
        ]) {
          await admin.query(`set databricks_auth.allow_ddl = on; ${sql}; reset databricks_auth.allow_ddl`);
          expect(await damageNow(), sql).toContain(`${gate} ${damage}`);
          await admin.query('select synced_tables.repair()');
          expect(await damageNow(), sql).toBe('');
        }
      }
    }
  });

  it('names what is damaged, stuck, late, failed or left over', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    await admin.query(`select synced_tables.create_synced_table('d.' || name, 'lake.d.t', array['id'])
                         from unnest(array['broken', 'behind', 'failed', 'gone', 'waiting']) name`);
    const sidecar = await database.connectAsSidecar();
    const { pipeline_id: pipeline } = await publishByHand(sidecar, 'd.broken');
    await publishByHand(sidecar, 'd.behind');
    const role = await database.createRole('stranger');
    await admin.query(`
      alter event trigger databricks_auth_1_guard disable;
      drop event trigger databricks_auth_drop;
      set databricks_auth.allow_ddl = on;
      alter table d.broken disable trigger databricks_write_guard;
      do $$ begin
        execute format('grant %I to ${role}', (select owner_role from databricks_auth.synced_tables where synced_table = 'd.broken'::regclass));
      end $$;
      update synced_tables._pipelines set scheduling_policy = 'CONTINUOUS' where name like '%d.behind';
      update synced_tables._tables set source_version = 7, behind_since = now() - interval '10 minutes' where synced_table = 'd.behind';
      update synced_tables._tables set state = 'SYNCED_TABLE_OFFLINE_FAILED', message = 'No such table. Make it.', last_error_code = 'SOURCE_TABLE_NOT_FOUND'
       where synced_table = 'd.failed';
      update synced_tables._updates u set state = 'RUNNING', started_at = now()
        from synced_tables._pipelines p where p.pipeline_id = u.pipeline_id and p.name like '%d.gone';
      with dead as (insert into synced_tables._sidecars (holder, expires_at) values (gen_random_uuid(), now() - interval '1 minute') returning holder)
      update synced_tables._pipelines set lease_holder = holder from dead where name like '%d.gone';
      update synced_tables._updates u set created_at = now() - interval '3 minutes'
        from synced_tables._pipelines p where p.pipeline_id = u.pipeline_id and p.name like '%d.waiting';
      insert into synced_tables._table_updates (update_id, table_id, synced_table, source_table_full_name, state, error_code, message, remedy)
      select u.update_id, t.table_id, t.synced_table, t.source_table_full_name, 'FAILED', 'SOURCE_TABLE_NOT_FOUND', 'No such table.', 'Make it.'
        from synced_tables._tables t join synced_tables._updates u using (pipeline_id) where t.synced_table = 'd.failed';
      create table __db_system.partition_7_0123456789abcdef0123456789abcdef_0 (id int)`);
    await admin.query(
      `insert into synced_tables._schedules (pipeline_id, cron, time_zone, created_by, next_run_at)
       values ($1, '0 9 * * *', 'UTC', 'postgres', now() - interval '5 minutes')`,
      [pipeline],
    );
    const findings = await examine(settingsFor(database.url));
    const damage = of(findings, 'GUARD_DAMAGED')[0];
    expect(damage).toMatchObject({ severity: 'error', remedy: expect.stringContaining('synced_tables.repair()') });
    expect(damage?.message).toContain('event trigger databricks_auth_1_guard is switched off');
    expect(damage?.message).toContain('event trigger databricks_auth_drop is missing');
    const table = of(findings, 'TABLE_UNPROTECTED');
    expect(table.map(({ subject }) => subject)).toEqual([expect.stringMatching(/ d\.broken$/)]);
    expect(table[0]?.message).toMatch(
      /databricks_write_guard is switched off; its owner role has been granted to stranger_/,
    );
    expect(of(findings, 'TABLE_BEHIND')[0]?.message).toMatch(/^It is 6 versions, 6\d\d s, behind its source\.$/);
    expect(of(findings, 'SOURCE_TABLE_NOT_FOUND')[0]).toMatchObject({
      severity: 'error',
      message: 'No such table.',
      remedy: 'Make it.',
    });
    const { rows: waiting } = await admin.query(
      `select message from synced_tables.status where synced_table = 'd.waiting'`,
    );
    expect(waiting[0].message).toMatch(
      /^Waits for a sidecar to load it\. An update has been due for 1[89]\d s, and no sidecar has begun it: see synced-tables doctor\.$/,
    );
    expect(of(findings, 'UPDATE_ABANDONED').map(({ subject }) => subject.split(' ')[1])).toEqual(['d.gone']);
    expect(of(findings, 'UPDATE_WAITING').map(({ subject }) => subject.split(' ')[1])).toEqual(['d.waiting']);
    expect(of(findings, 'SIDECAR_NEEDED')[0]?.message).toMatch(/updates wait for one \(4, the oldest for 3 min\)/);
    expect(of(findings, 'SCHEDULE_LATE')[0]?.subject).toMatch(/ d\.broken$/);
    expect(of(findings, 'SHADOW_ORPHANED')[0]?.message).toContain('partition_7_0123456789abcdef0123456789abcdef_0');
    expect(of(findings, 'CATALOGS_NONE')).toHaveLength(1);
    expect(of(findings, 'CATALOG_NOT_CONFIGURED')[0]?.message).toContain('catalog lake');
    expect(describeFindings(findings)).toMatch(/\n\d+ errors, \d+ warnings, \d+ hints?\.$/);
    expect(codes(findings)).not.toContain('EXAMINATION_FAILED');

    const reader = await database.connectAs(role);
    await reader.query('begin; select 1');
    const transactions = await readLongTransactions(admin, 0);
    expect(transactions).toContainEqual(expect.objectContaining({ state: 'idle in transaction' }));
    await reader.query('commit');

    // What repair() puts right is right for the doctor.
    await admin.query('select synced_tables.repair()');
    const repaired = codes(await examine(settingsFor(database.url)));
    expect(repaired).not.toContain('GUARD_DAMAGED');
  });

  it('tells a database that was never migrated', async () => {
    await using database = await createTestDatabase(server);
    const findings = await examine(settingsFor(database.url));
    expect(of(findings, 'DATABASE_NOT_MIGRATED')).toMatchObject([{ severity: 'warning' }]);
    expect(codes(findings)).not.toContain('SIDECAR_MISSING');
  });

  it('says what a role without rights may not see, and how to give them', async () => {
    await using database = await createMigratedDatabase(server);
    const login = async (group?: string, limit = -1) => {
      const role = await database.createRole('person', ...(group ? [group] : []));
      await database.admin.query(`alter role ${role} login password 'x' connection limit ${limit}`);
      const url = new URL(database.url);
      url.username = role;
      url.password = 'x';
      return examine(settingsFor(url.href));
    };
    const stranger = await login();
    expect(of(stranger, 'ROLE_NOT_SIDECAR')[0]?.remedy).toMatch(/^GRANT databricks_sync TO "person_/);
    const operator = await login('databricks_superuser');
    expect(codes(operator)).toEqual(expect.arrayContaining(['DATABASE_READY', 'ROLE_NOT_SIDECAR', 'TABLES_FINE']));
    expect(codes([...stranger, ...operator])).not.toContain('EXAMINATION_FAILED');
    // One session is enough.
    expect(codes(await login('databricks_superuser', 1))).toEqual(codes(operator));
    expect(codes(await login('databricks_sync', 1))).toEqual(codes(await login('databricks_sync')));
  });
});

const last = postgresServers().at(-1);
if (!last) throw new Error('no server');

it('goes on when a server, a catalog or a folder cannot be used', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'doctor-'));
  await using database = await createMigratedDatabase(last);
  const profile = path.join(folder, 'old.share');
  const given = { shareCredentialsVersion: 1, endpoint: 'http://127.0.0.1:1', bearerToken: 's3cret' };
  writeFileSync(profile, JSON.stringify({ ...given, expirationTime: '2026-01-01T00:00:00Z' }));
  const unused = 'postgres://nobody:s3cret@127.0.0.1:1/x';
  const findings = await examine(
    checkSettings({
      instances: { gone: { url: unused }, here: { url: database.url } },
      catalogs: {
        lake: { kind: 'path', root: path.join(folder, 'nowhere') },
        unity: { kind: 'unity', uri: 'http://127.0.0.1:1', token: 's3cret' },
        there: { kind: 'path', root: folder },
        partner: { kind: 'delta_sharing', profile },
      },
    }),
  );
  rmSync(folder, { recursive: true });
  const subjects = (code: string) => of(findings, code).map(({ subject }) => subject);
  expect(subjects('POSTGRES_UNREACHABLE')).toEqual(['gone']);
  expect(subjects('SERVER_READY')).toEqual(['here']);
  expect(subjects('CATALOG_ROOT_MISSING')).toEqual(['catalog lake']);
  expect(subjects('CATALOG_UNREACHABLE')).toEqual(['catalog unity']);
  expect(subjects('CATALOG_READY')).toEqual(['catalog there']);
  expect(subjects('CATALOG_TOKEN_EXPIRED')).toEqual(['catalog partner']);
  expect(JSON.stringify(findings)).not.toContain('s3cret');
});

it('ends with 1 and says so where the settings cannot be read', async () => {
  const { end, stdout, stderr } = await runCli(['doctor', '--json', '--config', 'missing.yaml']);
  expect({ end, stderr }).toEqual({ end: 1, stderr: '' });
  const { is_healthy: isHealthy, findings } = JSON.parse(stdout) as { is_healthy: boolean; findings: Finding[] };
  expect(isHealthy).toBe(false);
  expect(codes(findings)).toContain('SETTINGS_UNREADABLE');
});

it('sees a sidecar that was stopped', async () => {
  await using lake = await SyncedLake.create(last);
  const sidecar = await lake.startSidecar();
  const settings = settingsFor(lake.database.url);
  expect(codes(await examine(settings))).toContain('SIDECAR_RUNNING');
  await sidecar[Symbol.asyncDispose]();
  await eventually(async () => codes(await examine(settings)).includes('SIDECAR_MISSING'), 'it is gone');
});
