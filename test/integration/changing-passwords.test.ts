import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: passwords that change are read anew at each connection, whichever way they come, a sidecar lives through that, and what is
// wrong with a connection is said in one line.

describe.each(eitherPostgresServer(import.meta.url))('passwords on $name', (server) => {
  it('change while a sidecar follows a table, which goes on with the new one', async () => {
    await using synced = await SyncedLake.create(server);
    const source = await synced.lake.createTable('gold.t', { id: 'long' }, 'select 1 as id');
    const { url, role, file, password } = withPasswordFile(synced);
    writeFileSync(file, `${password}\n`);
    const sidecar = await synced.startSidecar({ instances: { local: { url, password_file: file } } });
    await synced.load('gold.t', { policy: 'CONTINUOUS' });
    const next = randomBytes(8).toString('hex');
    await synced.admin.query(`alter role ${role} password '${next}'`);
    await synced.admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
    // Nobody gets in until the file has it.
    await expect.poll(() => isReady(sidecar.url), { timeout: 30_000 }).toBe(false);
    writeFileSync(file, next);
    await source.append('select 2 as id');
    await synced.admin.query(`call synced_tables.wait_for_version('gold.t', ${source.version}, interval '60 s')`);
    await expect.poll(() => isReady(sidecar.url), { timeout: 30_000 }).toBe(true);
    await synced.expectEqual('gold.t', source, ['id']);
  });

  it('come from a file, a command, or where libpq finds them', async () => {
    await using synced = await SyncedLake.create(server);
    const { url, role, file, password } = withPasswordFile(synced);
    await synced.admin.query(`grant databricks_superuser to ${role}`);
    const { hostname, port, pathname } = new URL(url);
    const list = async (environment: Record<string, string>) => {
      const { end, stdout, stderr } = await runCli(['list'], { DATABASE_URL: url, ...environment });
      return { end, said: stderr === '' ? stdout.trim().split(' ')[0] : stderr };
    };
    const works = { end: 0, said: 'synced_table' };
    expect(await list({ PGPASSWORD: password })).toEqual(works);
    writeFileSync(file, password);
    expect(await list({ DATABASE_PASSWORD_FILE: file, PGPASSWORD: 'wrong' })).toEqual(works);
    expect(await list({ DATABASE_PASSWORD_COMMAND: `test "$PGUSER" = ${role} && cat '${file}'` })).toEqual(works);
    const passfile = path.join(synced.folder, 'pgpass');
    writeFileSync(passfile, `${hostname}:${port}:*:${role}:${password}\n`, { mode: 0o600 });
    expect(await list({ PGPASSFILE: passfile })).toEqual(works);
    const place = `${hostname}:${port}${pathname}`;
    const { said } = await list({});
    // One line, and not even the name of a place that holds secrets is made up.
    expect(said).toMatch(/^POSTGRES_PASSWORD_MISSING: [^\n]* there is none in url, password_file, [^\n]*\n$/);
    expect((await list({ PGPASSWORD: 'wrong' })).said).toMatch(
      new RegExp(
        `^POSTGRES_LOGIN_REFUSED: Postgres at ${place} refused the login: password authentication failed for user "${role}"\\. [^\\n]*\\n$`,
      ),
    );
  });

  it.each(['list', 'serve', 'migrate'])(
    'and databases that are not there are told by %s in one line',
    async (command) => {
      await using synced = await SyncedLake.create(server);
      const url = new URL(synced.sidecarUrl);
      url.pathname = '/nobody_made_it';
      const { end, stderr } = await runCli([command], { DATABASE_URL: url.href });
      const [last = '', ...others] = stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('{'));
      expect({ end, others }).toEqual({ end: 1, others: [] });
      expect(last).toMatch(
        /^POSTGRES_DATABASE_MISSING: .*\/nobody_made_it: database "nobody_made_it" does not exist\. Create it/,
      );
    },
  );
});

function withPasswordFile(synced: SyncedLake) {
  const url = new URL(synced.sidecarUrl);
  const { username: role, password } = url;
  url.password = '';
  return { url: url.href, role, password, file: path.join(synced.folder, 'password') };
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}
