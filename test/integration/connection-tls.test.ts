import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { closeSession, openSession } from '../../src/postgres/session/session.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { adminPool } from '../support/postgres.js';
import { selfSignedCertificate } from '../support/self-signed-certificate.js';

// Goal: the parameters of a connection string mean what they mean to libpq, whether the server encrypts or not, and what is wrong
// with them is said in one line.

const folder = mkdtempSync(path.join(tmpdir(), 'tls-'));
const { key, cert } = selfSignedCertificate();
const ca = path.join(folder, 'ca.crt');
const other = path.join(folder, 'other.crt');

let postgres: EmbeddedPostgres;
beforeAll(async () => {
  chmodSync(folder, 0o755);
  writeFileSync(ca, cert);
  writeFileSync(other, selfSignedCertificate().cert);
  const dataDir = path.join(folder, 'data');
  postgres = await startEmbeddedPostgres({ major: 18, dataDir });
  const { uid, gid } = statSync(dataDir);
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    const file = path.join(dataDir, name);
    writeFileSync(file, text, { mode: 0o600 });
    chownSync(file, uid, gid);
  }
}, 120_000);
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Whether the session is encrypted, or why there is none. */
async function tried(parameters: string): Promise<boolean | string> {
  try {
    const url = `${postgres.url}?${parameters}`;
    const client = await openSession({ url, applicationName: 'test', role: null });
    const { rows } = await client.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    await closeSession(client);
    return rows[0]?.ssl ?? false;
  } catch (error) {
    return (error as Error).message.replace(/127\.0\.0\.1:\d+/, 'SERVER');
  }
}

const refused = (reason: string) => `Postgres at SERVER/postgres cannot be used: ${reason}.`;

describe.sequential('sslmode', () => {
  it('asks for no more than a server without TLS gives', async () => {
    expect(await tried('sslmode=disable')).toBe(false);
    expect(await tried('sslmode=allow')).toBe(false);
    expect(await tried('sslmode=prefer')).toBe(false);
    expect(await tried('sslmode=require')).toBe(refused('The server does not support SSL connections'));
  });

  it('encrypts and verifies as libpq does', async () => {
    const pool = adminPool(postgres.url);
    await pool.query('alter system set ssl = on');
    await pool.query('select pg_reload_conf()');
    await expect.poll(() => tried('sslmode=require')).toBe(true);
    expect(await tried('sslmode=disable')).toBe(false);
    // Another URL than before: that the server had no TLS is known of that one.
    expect(await tried('sslmode=prefer&connect_timeout=9')).toBe(true);
    expect(await tried(`sslmode=require&sslrootcert=${ca}`)).toBe(true);
    expect(await tried(`sslmode=verify-ca&sslrootcert=${ca}`)).toBe(true);
    expect(await tried(`sslmode=verify-ca&sslrootcert=${other}`)).toMatch(/self-signed certificate|unable to verify/);
    expect(await tried('sslmode=verify-full')).toMatch(/self-signed certificate/);
    expect(await tried('sslmode=no-verify')).toBe(true);
  });

  it('says what is missing', async () => {
    expect(await tried('sslmode=verify-ca')).toBe(
      refused('sslmode=verify-ca needs the certificate of the CA as sslrootcert'),
    );
    expect(await tried('sslmode=require&sslrootcert=/nowhere/ca.crt')).toBe(
      refused('certificate or key /nowhere/ca.crt cannot be read (ENOENT)'),
    );
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
      for (const host of ['', 'ignored.example.com']) {
        const url = `postgres://${login}@${host}/postgres?host=${folder}`;
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
      ).rejects.toThrow('the server wants a password, and there is none');
      const url = `postgres://${login}@/postgres?host=${folder}&port=9`;
      await expect(openSession({ url, applicationName: 'test', role: null })).rejects.toThrow(
        `Postgres at ${folder}/postgres cannot be used`,
      );
    } finally {
      socket.close();
    }
  });

  it.each([
    ['postgres://u:p@ss#word@host/db', /percent-encoded/],
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
