import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { findInPassfile, type PasswordPlaces, readPassword } from '../../../src/postgres/session/passwords.js';

// Goal: the password of a connection is read anew from where it is kept, and why there is none is said without showing any.

const folder = mkdtempSync(path.join(tmpdir(), 'passwords-'));
afterAll(() => rmSync(folder, { recursive: true }));

const login = { server: 'db:5432/shop', host: 'db', port: 5432, user: 'app', database: 'shop' };
const NONE: PasswordPlaces = { password: null, file: null, command: null, passfile: null };

function read(places: Partial<PasswordPlaces>): Promise<string> {
  return readPassword(login, { ...NONE, ...places }).catch((error: Error) => error.message);
}

const missing = (reason: string) => `Postgres at db:5432/shop wants a password that cannot be had: ${reason}.`;

it('reads a file each time, without the line end that editors leave', async () => {
  const file = path.join(folder, 'password');
  writeFileSync(file, ' one two \n');
  expect(await read({ file })).toBe(' one two ');
  writeFileSync(file, 'three');
  expect(await read({ file })).toBe('three');
  writeFileSync(file, '\n');
  expect(await read({ file })).toBe(missing(`the file ${file} is empty`));
  expect(await read({ file: '/nowhere/password' })).toBe(missing('the file /nowhere/password cannot be read (ENOENT)'));
});

it('runs a command, which is told whom the password is for, once for connections that open together', async () => {
  const command = `echo run >> ${folder}/runs; echo "$PGUSER@$PGHOST:$PGPORT/$PGDATABASE"`;
  const passwords = await Promise.all([read({ command }), read({ command })]);
  expect(passwords).toEqual(['app@db:5432/shop', 'app@db:5432/shop']);
  expect(await read({ command: `cat ${folder}/runs` })).toBe('run');
  expect(await read({ command: 'echo s3cret; echo s3cret >&2; exit 3' })).toBe(
    missing('the password command failed with exit code 3; run by hand it tells why'),
  );
  expect(await read({ command: 'true' })).toBe(missing('the password command printed nothing'));
});

it('finds the line of a file of libpq that fits', () => {
  const text = [
    '# db:5432:shop:app:comment',
    'other:5432:shop:app:1',
    'db:5433:*:app:2',
    '\\:\\:1:5432:shop:app:6',
    'db:*:shop:app:a\\:b\\\\c:not of it',
    '*:*:*:*:last',
  ].join('\n');
  expect(findInPassfile(text, login)).toBe('a:b\\c');
  expect(findInPassfile(text, { ...login, port: 5433 })).toBe('2');
  expect(findInPassfile(text, { ...login, host: '::1' })).toBe('6');
  expect(findInPassfile(text, { ...login, host: '/run/postgresql' })).toBe('last');
  expect(findInPassfile('db:5432:shop:app', login)).toBeNull();
});

it('leaves alone a file of libpq that others may read, and prefers PGPASSWORD', async () => {
  const passfile = path.join(folder, 'pgpass');
  writeFileSync(passfile, 'db:5432:shop:app:open sesame\n', { mode: 0o600 });
  expect(await read({ passfile })).toBe('open sesame');
  chmodSync(passfile, 0o640);
  expect(await read({ passfile })).toBe(
    missing(`others may read ${passfile}, so it is left alone as libpq does (chmod 0600)`),
  );
  chmodSync(passfile, 0o600);
  writeFileSync(passfile, 'db:5432:other:app:x\n');
  expect(await read({ passfile })).toBe(missing(`${passfile} has no line for this host, port, database and user`));
  vi.stubEnv('PGPASSFILE', path.join(folder, 'none'));
  expect(await read({})).toBe(missing(`the file ${folder}/none cannot be read`));
  vi.stubEnv('PGPASSWORD', 'from outside');
  expect(await read({ passfile })).toBe('from outside');
  expect(await read({ password: 'own' })).toBe('own');
  vi.unstubAllEnvs();
});
