import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';

// Goal: `quickstart` with a Postgres of one's own proves its rows, and says so to people and to programs.

const server = postgresServers().at(-1);
if (!server) throw new Error('no server');

it('syncs the sample table, proves it and ends; again too', async () => {
  await using database = await createMigratedDatabase(server);
  const environment = { DATABASE_URL: database.url };
  const { end, stdout, stderr } = await runCli(['quickstart', '--once'], environment);
  expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  expect(stdout).toContain('SELECT synced_tables.create_synced_table(');
  expect(stdout).toMatch(/\nProved: all \d+ rows equal the source at version \d+, cell by cell\.\n$/);
  expect(await runCliJson(['quickstart', '--once'], environment)).toEqual({
    database_url: database.url,
    http_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    synced_table: 'gold.user_profiles_synced',
    source_table_full_name: 'lake.gold.user_profiles',
    is_verified: true,
  });
});

it('tells in one line that its HTTP port is taken', async () => {
  await using database = await createMigratedDatabase(server);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { end, stderr } = await runCli(['quickstart', '--http-port', String(port)], { DATABASE_URL: database.url });
  taken.close();
  expect({ end, stderr }).toEqual({
    end: 1,
    stderr: `PORT_TAKEN: Port ${port} of 127.0.0.1 is taken by another program. Choose another port with --http-port, or stop the program that uses it.\n`,
  });
});

it('tells that DATABASE_URL is no connection string, without showing it', async () => {
  const { end, stderr } = await runCli(['quickstart', '--once'], { DATABASE_URL: 'mysql://app:s3cret@localhost/app' });
  expect(end).toBe(2);
  expect(stderr).toMatch(/^SETTINGS_INVALID: Setting DATABASE_URL is a text that is not shown here; .+\n$/);
  expect(stderr).not.toContain('s3cret');
});
