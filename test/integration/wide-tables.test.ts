import { describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: tables with as many columns as Postgres takes are copied and compared.

const COLUMNS_MAX = 1_600;

describe.each(postgresServers().slice(-1))('a table of 1,600 columns on $name', (server) => {
  it('is copied, compared, and told with its differences', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
    const others = Array.from({ length: COLUMNS_MAX - 1 }, (_, n) => `c${n}`);
    const columns = Object.fromEntries([['id', 'long'], ...others.map((name) => [name, 'integer'])]);
    const values = others.map((name, n) => `i + ${n} as ${name}`).join(', ');
    const source = await lake.lake.createTable('gold.wide', columns, `select i as id, ${values} from range(3) t(i)`);
    await lake.load('gold.wide');
    await lake.expectEqual('gold.wide', source, ['id', 'c0', 'c1598']);
    const followed = lake.value(
      `select synced_tables.create_synced_table('gold.followed', 'lake.gold.wide', array['id'],
                                                scheduling_policy => 'TRIGGERED', allow_file_diff => true)`,
    );
    await expect(lake.wait((await followed) ?? '')).rejects.toThrow(
      /"c1598".* a table that changes are applied to has at most 1599/,
    );
    const verify = async () => {
      const id = await lake.value(`select synced_tables.verify('gold.wide')`);
      await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '60 s')`).catch(() => {});
      const { rows } = await lake.admin.query(
        'select is_equal, source_rows, missing_rows, different_rows, differences from synced_tables.verifications where verification_id = $1',
        [id],
      );
      return rows[0];
    };
    expect(await verify()).toMatchObject({ is_equal: true, source_rows: '3', differences: [] });
    const part = await lake.value(`select databricks_auth.sole_partition('gold.wide'::regclass)::regclass::text`);
    await lake.admin.query(`begin; set local role databricks_sync;
      update ${part} set c1598 = -1 where id = 1; delete from ${part} where id = 2; commit`);
    const found = await verify();
    expect(found).toMatchObject({ is_equal: false, missing_rows: '1', different_rows: '1' });
    expect(found.differences[0]).toEqual({
      difference: 'different',
      key: { id: '1' },
      source: { c1598: '1599' },
      target: { c1598: '-1' },
    });
  });
});
