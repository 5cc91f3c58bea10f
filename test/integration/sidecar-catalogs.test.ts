import { describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: where sidecars of one database have different catalogs, each update goes to one that can read its source. What none
// can read waits and says why, and nothing is lost while settings are rolled out.

describe.each(eitherPostgresServer(import.meta.url))('sidecars with different catalogs on $name', (server) => {
  it('take what they know and leave the rest; what nobody knows waits, and begins when somebody comes who does', async () => {
    await using synced = await SyncedLake.create(server);
    const { admin, lake } = synced;
    const source = await lake.createTable('d.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    const catalog = { kind: 'path', root: lake.root };
    const create = async (target: string, catalogs: string, policy = 'SNAPSHOT', beside: string | null = null) =>
      (await synced.value(
        `select synced_tables.create_synced_table($1, $2, array['id'], $3, allow_file_diff => $3 <> 'SNAPSHOT',
           existing_pipeline_id => (select pipeline_id from synced_tables.status where synced_table = $4))`,
        [target, `${catalogs}.d.t`, policy, beside],
      )) ?? '';
    const isWaiting = (target: string) => async () =>
      (await synced.status(target)).message?.includes('waits for a sidecar with catalog') === true;

    // Nobody runs: nothing is said of catalogs.
    const early = await create('d.early', 'new');
    expect((await synced.status('d.early')).message).toBe('Waits for a sidecar to load it.');

    await using _first = await synced.startSidecar({ catalogs: { lake: catalog }, leaseSeconds: 2 });
    await eventually(isWaiting('d.early'), 'the status says what it waits for');
    expect(await synced.status('d.early')).toMatchObject({
      state: 'SYNCED_TABLE_PROVISIONING',
      message:
        'Waits for a sidecar to load it. The update waits for a sidecar with catalog new in its settings; those that run have: lake.',
    });
    await synced.wait(await create('d.known', 'lake'));
    const late = await create('d.late', 'new', 'CONTINUOUS');
    await synced.wait(await create('d.known_too', 'lake', 'CONTINUOUS'));
    // Whoever asks is told, and nothing was rejected or claimed.
    const settings = checkSettings({ instances: { local: { url: synced.sidecarUrl } }, catalogs: { lake: catalog } });
    const findings = (await examine(settings)).filter(({ code }) => code === 'UPDATE_OF_UNKNOWN_CATALOG');
    expect(findings.map(({ message }) => message.replace(/^Update \S+ /, ''))).toEqual([
      'waits for a sidecar with catalog new in its settings; those that run have: lake.',
      'waits for a sidecar with catalog new in its settings; those that run have: lake.',
    ]);
    expect(await synced.rows('synced_tables._updates', ['state', 'attempt'])).not.toContainEqual(['FAILED', '1']);
    expect(await synced.update(early)).toMatchObject({ state: 'QUEUED', attempt: 0 });

    // A table of each catalog in one pipeline: while nobody has both, what can be read is; the other is not lost.
    const mixed = await create('d.mixed', 'new', 'SNAPSHOT', 'd.known');
    expect(await refusalOf(synced.wait(mixed))).toMatchObject({ code: 'CATALOG_NOT_FOUND' });
    expect(await synced.status('d.mixed')).toMatchObject({ state: 'SYNCED_TABLE_OFFLINE_FAILED' });
    expect(await synced.status('d.known')).toMatchObject({ state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' });

    // The rollout: another one knows the new catalog too.
    const second = await synced.startSidecar({ catalogs: { lake: catalog, new: catalog }, leaseSeconds: 2 });
    await synced.wait(early);
    await synced.wait(late);
    await synced.wait(await synced.requestSync('d.mixed'));
    expect(await synced.rows('synced_tables.sidecars', ['catalogs', 'serves_all'])).toEqual([
      ['{lake,new}', 'true'],
      ['{lake}', 'true'],
    ]);
    // All that names the new catalog is run by the one that has it, however the rest is spread.
    for (let commit = 1; commit <= 3; commit++) {
      await source.append(`select ${100 + commit}::bigint as id`);
      const both = async () =>
        (await synced.value('select count(*) from d.late')) === `${10 + commit}` &&
        (await synced.value('select count(*) from d.known_too')) === `${10 + commit}`;
      await eventually(both, 'both followed tables have the new row');
    }
    const holder = `select s.catalogs from synced_tables._pipelines p join synced_tables._sidecars s on s.holder = p.lease_holder
                     where p.pipeline_id = (select pipeline_id from synced_tables.status where synced_table = $1)`;
    expect(await synced.value(holder, ['d.late'])).toBe('lake,new');
    await admin.query(`select synced_tables.verify('d.early')`);
    const verified = async () =>
      (await synced.value(`select state from synced_tables.verifications where synced_table = 'd.early'`)) ===
      'COMPLETED';
    await eventually(verified, 'a comparison goes to the one that can read the source');

    // It goes again: what is there stays, and says why it does not go on.
    await second[Symbol.asyncDispose]();
    await eventually(isWaiting('d.late'), 'the follower waits');
    expect(await synced.value('select count(*) from d.late')).toBe('13');
    const rolled = await create('d.rolled', 'new');
    await eventually(isWaiting('d.rolled'), 'a create waits too');
    await using _third = await synced.startSidecar({ catalogs: { new: catalog }, leaseSeconds: 2 });
    await synced.wait(rolled);
    expect(await synced.value('select count(*) from d.rolled')).toBe('13');
  });
});
