import { describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: a browser signs in with a token that no script sees again, is known until the token ends, and nobody can make it send
// anything but the console's own requests.

const SESSION = '/api/2.0/synced-tables/session';
const ME = '/api/2.0/synced-tables/me';
const CREATE = '/api/2.0/database/catalogs';
const OWN = { 'x-synced-tables': 'console', 'sec-fetch-site': 'same-origin' };
const REFUSED = { status: 403, body: { details: [{ reason: 'CONSOLE_REQUEST_REFUSED' }, {}] } };

const cookieOf = (headers: Headers) => headers.get('set-cookie')?.split(';')[0] ?? '';

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it('begins with a token, is known by every call, and ends with the token', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const browser = new ApiClient(url);
    expect(await browser.post(SESSION, { token: 'stt_any' }, OWN)).toMatchObject({ status: 401 });
    const role = await synced.database.createRole('keeper');
    const token = await createToken(synced, role, new Date(Date.now() + 3_600_000));
    expect(await browser.post(SESSION, { token: `${token}x` }, OWN)).toMatchObject({ status: 401 });
    expect(await browser.post(SESSION, { token: 'a;b=c' }, OWN)).toMatchObject({ status: 401 });
    const begun = await browser.post(SESSION, { token }, OWN);
    expect(begun).toMatchObject({ status: 200, body: { name: role, kind: 'token' } });
    const header = begun.headers.get('set-cookie') ?? '';
    expect(header).toMatch(/^synced-tables=.+; Path=\/; Max-Age=3[56]\d\d; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(begun.headers);
    expect(await browser.get(ME, { cookie })).toMatchObject({ status: 200, body: { name: role, is_session: true } });
    expect(await browser.get(ME, { cookie: `a=b; ${cookie}; c=d` })).toMatchObject({ body: { name: role } });
    expect(await browser.get(ME)).toMatchObject({ status: 401 });
    const other = new ApiClient(url, await createToken(synced, await synced.database.createRole('other')));
    expect((await other.get(ME, { cookie })).body).toMatchObject({ is_session: false });
    expect((await browser.send('DELETE', SESSION, undefined, { ...OWN, cookie })).headers.get('set-cookie')).toMatch(
      /Max-Age=0/,
    );
    await synced.admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
    expect(await browser.get(ME, { cookie })).toMatchObject({ status: 401 });
  });

  it('changes nothing for a page that is not the console', async () => {
    await using synced = await SyncedLake.create(server);
    const { url } = await synced.startSidecar();
    const role = await synced.database.createRole('keeper');
    const token = await createToken(synced, role);
    const browser = new ApiClient(url);
    const cookie = cookieOf((await browser.post(SESSION, { token }, OWN)).headers);
    const body = { name: 'c', database_instance_name: 'local', database_name: 'none' };
    const mark = { 'x-synced-tables': 'console' };
    // A form of another page; one of another site; a script of another site, where the browser says nothing of sites.
    for (const headers of [
      { cookie },
      { cookie, 'sec-fetch-site': 'same-origin' },
      { cookie, ...mark },
      { cookie, ...mark, 'sec-fetch-site': 'same-site' },
      { cookie, ...mark, 'sec-fetch-site': 'cross-site' },
      { cookie, ...mark, 'sec-fetch-site': 'none' },
      { cookie, ...mark, origin: 'http://localhost:1' },
      { cookie, ...mark, origin: 'null' },
    ]) {
      expect(await browser.post(CREATE, body, headers), JSON.stringify(headers)).toMatchObject(REFUSED);
    }
    // The console itself gets to the database, which refuses for a reason of its own.
    expect(await browser.post(CREATE, body, { cookie, ...OWN })).toMatchObject({ status: 404 });
    expect(await browser.post(CREATE, body, { cookie, ...mark, origin: url })).toMatchObject({ status: 404 });
    expect(await browser.post(CREATE, body, { authorization: `Bearer ${token}`, cookie })).toMatchObject({
      status: 404,
    });
    expect(await browser.post(SESSION, { token }, mark)).toMatchObject(REFUSED);
    expect(await browser.post(SESSION, { token }, { ...OWN, 'sec-fetch-site': 'cross-site' })).toMatchObject(REFUSED);
  });
});
