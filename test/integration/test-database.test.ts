import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: the harness gives every test a clean database and notices sessions that code under test forgets.

describe.each(postgresServers())('$name', (server) => {
  it('gives an empty database that is gone afterwards', async () => {
    let url: string;
    {
      await using database = await createTestDatabase(server);
      const client = await database.connect();
      const { rows } = await client.query('select count(*)::int as tables from pg_tables where schemaname = $1', [
        'public',
      ]);
      expect(rows).toEqual([{ tables: 0 }]);
      url = database.url;
    }
    await expect(new pg.Client({ connectionString: url }).connect()).rejects.toMatchObject({ code: '3D000' });
  });

  it('fails a test that leaves a session open', async () => {
    const database = await createTestDatabase(server, { sessionEndMsMax: 300 });
    const leaked = new pg.Client({ connectionString: database.url, application_name: 'forgotten' });
    const ended = new Promise((resolve) => leaked.on('error', resolve));
    await leaked.connect();
    await expect(database[Symbol.asyncDispose]()).rejects.toThrow('forgotten');
    await ended;
  });

  it('is the version that it says it is', async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    const { rows } = await client.query(`select current_setting('server_version_num')::int / 10000 as major`);
    expect(rows).toEqual([{ major: server.major }]);
  });
});
