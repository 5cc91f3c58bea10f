import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncedTablesError } from '../../src/core/errors.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { closeSession, openSession } from '../../src/postgres/session/session.js';
import { SessionPool } from '../../src/postgres/session/session-pool.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { adminPool } from '../support/postgres.js';
import { certificateAuthority, selfSignedCertificate } from '../support/self-signed-certificate.js';

// Goal: the parameters of a connection string mean what they mean to libpq, whether the server encrypts or not, and what is wrong
// with them or with certificates is said in one line, with what to do.

const folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
const authority = certificateAuthority('the CA of the test');
const named = authority.issue({ name: 'server', alternatives: ['localhost', '127.0.0.1'] });
const misnamed = authority.issue({ name: 'server', alternatives: ['elsewhere.test'] });
const expired = authority.issue({ name: 'server', alternatives: ['127.0.0.1'], days: -1 });
const client = authority.issue({ name: 'certified' });
const stranger = certificateAuthority('nobody knows it').issue({ name: 'certified' });
const ca = path.join(folder, 'ca.crt');
const other = path.join(folder, 'other.crt');

let postgres: EmbeddedPostgres;
beforeAll(async () => {
  chmodSync(folder, 0o755);
  writeFileSync(ca, authority.cert);
  writeFileSync(other, selfSignedCertificate().cert);
  for (const [name, { key, cert }] of Object.entries({ client, stranger })) {
    writeFileSync(path.join(folder, `${name}.crt`), cert);
    writeFileSync(path.join(folder, `${name}.key`), key, { mode: 0o600 });
  }
  postgres = await startEmbeddedPostgres({ major: 18, dataDir: path.join(folder, 'data') });
  placeInServer('server.crt', named.cert);
  placeInServer('server.key', named.key);
  placeInServer('client-ca.crt', authority.cert);
  await adminPool(postgres.url).query('create role certified login');
}, 120_000);
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function placeInServer(name: string, text: string): void {
  const { uid, gid } = statSync(postgres.dataDir);
  const file = path.join(postgres.dataDir, name);
  writeFileSync(file, text, { mode: 0o600 });
  chownSync(file, uid, gid);
}

/** Whether the session is encrypted, or why there is none. */
async function tried(parameters: string, host?: string): Promise<boolean | string> {
  const url = new URL(`${postgres.url}?${parameters}`);
  if (host !== undefined) url.hostname = host;
  return triedUrl(url.href);
}

async function triedUrl(url: string): Promise<boolean | string> {
  try {
    const session = await openSession({ url, applicationName: 'test', role: null });
    const { rows } = await session.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    await closeSession(session);
    return rows[0]?.ssl ?? false;
  } catch (error) {
    const { code, message, remedy } = error as SyncedTablesError;
    return `${code}: ${message} ${remedy}`.replace(/(?:127\.0\.0\.1|localhost):\d+/, 'SERVER');
  }
}

/** Has the server read its settings and certificates anew, until a connection finds it so. */
async function reload(found: () => Promise<boolean>): Promise<void> {
  await adminPool(postgres.url).query('select pg_reload_conf()');
  await expect.poll(found).toBe(true);
}

const notEncrypted = (reason: string, advice: string) =>
  `POSTGRES_TLS_FAILED: The connection to Postgres at SERVER/postgres could not be encrypted as its connection string demands: ${reason}. ${advice}. See docs/guides/connections.md.`;
const GIVE_ROOT =
  'Name the file with the certificate of the CA that has signed it as sslrootcert; services that run Postgres offer theirs for download';

describe.sequential('sslmode', () => {
  it('asks for no more than a server without TLS gives', async () => {
    expect(await tried('')).toBe(false);
    expect(await tried('sslmode=disable')).toBe(false);
    expect(await tried('sslmode=allow')).toBe(false);
    expect(await tried('sslmode=prefer')).toBe(false);
    expect(await tried('sslmode=require')).toBe(
      notEncrypted(
        'The server does not support SSL connections',
        'Turn ssl on in the server, or allow connections without encryption with sslmode=prefer or disable',
      ),
    );
  });

  it('encrypts and verifies as libpq does', async () => {
    await adminPool(postgres.url).query(`alter system set ssl = on`);
    await adminPool(postgres.url).query(`alter system set ssl_ca_file = 'client-ca.crt'`);
    await reload(async () => (await tried('sslmode=require')) === true);
    expect(await tried('sslmode=disable')).toBe(false);
    // Another URL than before: that the server had no TLS is known of that one.
    expect(await tried('sslmode=prefer&connect_timeout=9')).toBe(true);
    expect(await tried(`sslmode=require&sslrootcert=${ca}`)).toBe(true);
    expect(await tried(`sslmode=verify-ca&sslrootcert=${ca}`)).toBe(true);
    expect(await tried(`sslmode=verify-full&sslrootcert=${ca}`)).toBe(true);
    expect(await tried(`sslmode=verify-full&sslrootcert=${ca}`, 'localhost')).toBe(true);
    expect(await tried('sslmode=no-verify')).toBe(true);
    for (const parameters of [`sslmode=verify-ca&sslrootcert=${other}`, 'sslmode=verify-full']) {
      expect(await tried(parameters)).toMatch(
        /^POSTGRES_TLS_FAILED: .*(?:self-signed|unable to (?:verify|get)).*sslrootcert/,
      );
    }
    expect(await tried('sslmode=verify-full')).toContain(GIVE_ROOT);
  });

  it('takes the certificate of a client, and says what is wrong without one', async () => {
    const hba = readFileSync(path.join(postgres.dataDir, 'pg_hba.conf'), 'utf8');
    placeInServer('pg_hba.conf', `hostssl all certified 127.0.0.1/32 cert\nhostnossl all certified all reject\n${hba}`);
    const as = (parameters: string) => `postgres://certified@127.0.0.1:${postgres.port}/postgres?${parameters}`;
    const pair = (name: string) => `sslcert=${folder}/${name}.crt&sslkey=${folder}/${name}.key`;
    await reload(async () => (await triedUrl(as(`sslmode=verify-full&sslrootcert=${ca}&${pair('client')}`))) === true);
    // Without sslmode it comes unencrypted first, is refused, and comes again.
    expect(await triedUrl(as(pair('client')))).toBe(true);
    expect(await triedUrl(as('sslmode=require'))).toMatch(
      /^POSTGRES_LOGIN_REFUSED: Postgres at SERVER\/postgres refused the login: connection requires a valid client certificate\. /,
    );
    expect(await triedUrl(as('sslmode=disable'))).toMatch(/^POSTGRES_LOGIN_REFUSED: .*no encryption/);
    expect(await triedUrl(as(`sslmode=require&${pair('stranger')}`))).toMatch(
      /^POSTGRES_(?:TLS_FAILED|LOGIN_REFUSED|UNREACHABLE): [^\n]*$/,
    );
    const mixed = `sslcert=${folder}/client.crt&sslkey=${folder}/stranger.key`;
    expect(await triedUrl(as(`sslmode=require&${mixed}`))).toMatch(
      /^POSTGRES_TLS_FAILED: .*key values mismatch\. Check the files of sslrootcert, sslcert and sslkey, /,
    );
    expect(await triedUrl(as(`sslmode=require&sslcert=${folder}/client.crt`))).toMatch(
      /^POSTGRES_TLS_FAILED: .*sslcert and sslkey need each other\. /,
    );
  });

  it('goes through pools of sessions, where a server encrypts and where it does not, and as files change', async () => {
    const file = path.join(folder, 'moving.crt');
    writeFileSync(file, selfSignedCertificate().cert);
    const pooled = { applicationName: 'test', sessionsMax: 1, statementTimeoutMs: 10_000, lockTimeoutMs: 1_000 };
    const url = `${postgres.url}?sslmode=verify-full&sslrootcert=${file}`;
    await using pool = new SessionPool({ ...pooled, url, isPooled: false });
    const ask = () =>
      pool.inTransaction(null, async (session) => {
        const { rows } = await session.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
        return rows[0].ssl as boolean;
      });
    await expect(ask()).rejects.toMatchObject({ code: 'POSTGRES_TLS_FAILED' });
    rmSync(file);
    // The second waits for the turn of the first: what fails there must reach it too.
    const both = await Promise.allSettled([ask(), ask()]);
    expect(both.map((each) => each.status === 'rejected' && each.reason.code)).toEqual([
      'POSTGRES_TLS_FAILED',
      'POSTGRES_TLS_FAILED',
    ]);
    writeFileSync(file, authority.cert);
    expect(await ask()).toBe(true);
    await using either = new SessionPool({ ...pooled, url: `${postgres.url}?sslmode=prefer&n=1`, isPooled: false });
    expect(await either.inTransaction(null, async () => 'there')).toBe('there');
  });

  it('says what is missing', async () => {
    expect(await tried('sslmode=verify-ca')).toBe(
      notEncrypted(
        'sslmode=verify-ca needs the certificate of the CA as sslrootcert',
        'Add the parameter to the connection string',
      ),
    );
    expect(await tried('sslmode=require&sslrootcert=/nowhere/ca.crt')).toBe(
      notEncrypted(
        'certificate or key /nowhere/ca.crt cannot be read (ENOENT)',
        'Correct the path, and let this user read the file',
      ),
    );
  });

  it('says that a certificate of the server has another name, or has expired', async () => {
    placeInServer('server.crt', misnamed.cert);
    placeInServer('server.key', misnamed.key);
    await reload(async () => (await tried(`sslmode=verify-full&sslrootcert=${ca}`)) !== true);
    expect(await tried(`sslmode=verify-full&sslrootcert=${ca}`)).toMatch(
      /^POSTGRES_TLS_FAILED: .* does not match certificate's altnames: [^\n]*\. Connect by a name that the certificate has, or verify all but the name with sslmode=verify-ca\. /,
    );
    expect(await tried(`sslmode=verify-ca&sslrootcert=${ca}`)).toBe(true);
    placeInServer('server.crt', expired.cert);
    placeInServer('server.key', expired.key);
    await reload(async () => (await tried(`sslmode=verify-ca&sslrootcert=${ca}`)) !== true);
    expect(await tried(`sslmode=verify-ca&sslrootcert=${ca}`)).toBe(
      notEncrypted('certificate has expired', "Renew the certificate of the server, or the CA's in sslrootcert"),
    );
    expect(await tried('sslmode=require')).toBe(true);
  });
});

describe('a connection string', () => {
  it('names a Unix socket with and without a host', async () => {
    const { port, username, password } = new URL(postgres.url);
    const login = `${username}:${password}`;
    const socket = createServer((client) => {
      const server = connect(Number(port), '127.0.0.1');
      for (const end of [client, server]) end.on('error', () => {});
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => socket.listen(path.join(folder, '.s.PGSQL.5432'), resolve));
    try {
      for (const [host, parameters] of [
        ['', `?host=${folder}`],
        ['ignored.example.com', `?host=${folder}&sslmode=require`],
        [encodeURIComponent(folder), ''],
      ]) {
        const url = `postgres://${login}@${host}/postgres${parameters}`;
        const { instances } = checkSettings({ instances: { local: { url } } });
        const client = await openSession({ url: instances.local?.url ?? '', applicationName: 'test', role: null });
        await closeSession(client);
      }
      await expect(
        openSession({
          url: `postgres://${username}@localhost/postgres?host=${folder}`,
          applicationName: 'test',
          role: null,
        }),
      ).rejects.toThrow(`Postgres at ${folder}/postgres wants a password that cannot be had: there is none in url`);
      const url = `postgres://${login}@/postgres?host=${folder}&port=9`;
      await expect(openSession({ url, applicationName: 'test', role: null })).rejects.toThrow(
        `Postgres at ${folder}/postgres cannot be used: connect ENOENT ${folder}/.s.PGSQL.9`,
      );
    } finally {
      socket.close();
    }
  });

  it.each([
    ['postgres://u:p@ss#word@host/db', /percent-encoded/],
    ['postgres://u:12/word@host/db', /percent-encoded/],
    ['postgres://u:12?word@host/db', /percent-encoded/],
    ['postgres://u@host/db?sslmod=require', /without a parameter "sslmod"; did you mean "sslmode"\?/],
    ['postgres://u@host/db?sslmode=bogus', /sslmode as one of disable, allow, prefer/],
    ['mysql://u@host/db', /postgres:\/\/user@host:5432\/database/],
  ])('is refused in the settings: %s', (url, reason) => {
    let failure: unknown;
    try {
      checkSettings({ instances: { local: { url } } });
    } catch (error) {
      failure = error;
    }
    const [first] = (failure as AggregateError).errors as Error[];
    expect(first?.message).toMatch(reason);
  });
});
