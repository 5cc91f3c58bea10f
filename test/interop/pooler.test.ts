import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createGuardedDatabase, fingerprint, type GuardedDatabase, outcomeOf } from '../support/guarded-database.js';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { postgresServers } from '../support/postgres.js';

// Goal: behind a pooler, where transactions of many clients share few sessions of one login role that becomes others by
// SET ROLE, nobody gets what another was lent, and managers' commands work.

const isInstalled = await hasPgBouncer('pooler.test.ts');

/** PgBouncer in transaction mode with two sessions for all clients. */
async function startPooler({
  database,
  roles,
}: GuardedDatabase): Promise<AsyncDisposable & { connect(): Promise<pg.Client> }> {
  const target = new URL(database.url);
  const login = `pooled_${target.pathname.slice(-6)}`;
  await database.admin.query(
    `create role ${login} login password 'pooled'; grant ${roles.manager}, ${roles.other}, ${roles.keeper} to ${login}`,
  );
  target.username = login;
  target.password = 'pooled';
  const pooler = await startPgBouncer({ url: target.href, mode: 'transaction', poolSize: 2 });
  const clients: pg.Client[] = [];
  return {
    connect: async () => {
      const client = new pg.Client({ connectionString: pooler.url });
      await client.connect();
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await pooler[Symbol.asyncDispose]();
      await database.admin.query(`drop role ${login}`);
    },
  };
}

describe.skipIf(!isInstalled).each(postgresServers())('PgBouncer in transaction mode on $name', (server) => {
  it('lends a manager what is his and nobody else anything, whichever session the pooler takes', async () => {
    await using guarded = await createGuardedDatabase(server);
    await using pooler = await startPooler(guarded);
    const { manager, other } = guarded.roles;
    const clients = await Promise.all(Array.from({ length: 6 }, () => pooler.connect()));
    const before = await fingerprint(guarded.database.admin);
    const as = (role: string, sql: string) => `begin; set local role ${role}; ${sql}; commit`;
    const outcomes = await Promise.all(
      clients.map(async (client, n) => {
        const found = [];
        for (let round = 0; round < 10; round++) {
          const sql =
            n % 2 === 0
              ? as(manager, `create index pooled_${n}_${round} on gold.x (note); drop index gold.pooled_${n}_${round}`)
              : as(other, n % 3 === 0 ? 'drop table gold.x' : 'create index stolen on gold.x (note)');
          found.push(
            await client.query(sql).then(
              () => 'ok',
              async (error: pg.DatabaseError) => {
                await client.query('rollback');
                return error.code;
              },
            ),
          );
        }
        return [...new Set(found)];
      }),
    );
    expect(outcomes).toEqual([['ok'], ['42501'], ['ok'], ['42501'], ['ok'], ['42501']]);
    expect(await fingerprint(guarded.database.admin)).toBe(before);
  });

  it('gives a client who forgets SET ROLE to the next one no more than the login role may', async () => {
    await using guarded = await createGuardedDatabase(server);
    await using pooler = await startPooler(guarded);
    const [first, second] = [await pooler.connect(), await pooler.connect()];
    const before = await fingerprint(guarded.database.admin);
    // Without a transaction around it the setting stays in the pooler's session.
    for (let n = 0; n < 4; n++) await first.query(`set role ${guarded.roles.other}`);
    await first.query('set databricks_auth.allow_ddl = on');
    for (let n = 0; n < 4; n++) {
      for (const sql of ['alter table gold.x add column mine int', 'truncate gold.x', `delete from ${guarded.part}`]) {
        expect((await outcomeOf(second, sql)).code).toMatch(/^(42501|25006)$/);
      }
    }
    expect(await fingerprint(guarded.database.admin)).toBe(before);
  });
});
