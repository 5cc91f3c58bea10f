import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { syncedTablesError } from '../../core/errors.js';

/** Whom a password is for. */
export interface Login {
  /** Shown in messages. */
  readonly server: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** Where passwords come from, in this order; the first that is set is asked. */
export interface PasswordPlaces {
  /** In the connection string. */
  readonly password: string | null;
  /** A file that holds nothing else. */
  readonly file: string | null;
  /** A command of the shell that prints it. */
  readonly command: string | null;
  /** A file in the format of libpq's; null: PGPASSFILE, or `~/.pgpass`. */
  readonly passfile: string | null;
}

/** How long the command may take that prints a password. */
export const COMMAND_MS_MAX = 15_000;
const COMMAND_BYTES_MAX = 64 * 1024;
/** Rights of others than the owner. */
const RIGHTS_OF_OTHERS = 0o077;

/** Commands that run, by what they were asked: a sidecar opens many connections at once. */
const running = new Map<string, Promise<string>>();

/**
 * The password for one new connection, read anew, so that one that changes needs no restart.
 * @throws POSTGRES_PASSWORD_MISSING
 */
export async function readPassword(login: Login, places: PasswordPlaces): Promise<string> {
  if (places.password !== null) return places.password;
  if (places.file !== null) return passwordInFile(login, places.file);
  if (places.command !== null) return passwordOfCommand(login, places.command);
  const { PGPASSWORD: fromEnvironment = '' } = process.env;
  if (fromEnvironment !== '') return fromEnvironment;
  return passwordInPassfile(login, places.passfile);
}

function missing({ server }: Login, reason: string, cause?: unknown): Error {
  return syncedTablesError('POSTGRES_PASSWORD_MISSING', { server, reason }, cause);
}

async function passwordInFile(login: Login, file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw missing(login, `the file ${file} cannot be read (${error.code})`, error);
  });
  const password = withoutLineEnd(text);
  if (password === '') throw missing(login, `the file ${file} is empty`);
  return password;
}

/** Editors and `echo` end a file with a line end. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function passwordOfCommand(login: Login, command: string): Promise<string> {
  const asked = JSON.stringify([command, login]);
  const run = running.get(asked) ?? runCommand(login, command).finally(() => running.delete(asked));
  running.set(asked, run);
  return run;
}

function runCommand(login: Login, command: string): Promise<string> {
  const { host, port, user, database } = login;
  const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database };
  const options = { env, timeout: COMMAND_MS_MAX, killSignal: 'SIGKILL', maxBuffer: COMMAND_BYTES_MAX } as const;
  return new Promise((resolve, reject) => {
    // What it prints may be secret, also where it fails.
    execFile('/bin/sh', ['-c', command], options, (error, stdout) => {
      if (error?.killed && typeof error.code !== 'string') {
        return reject(missing(login, `the password command did not end within ${COMMAND_MS_MAX / 1000} s`));
      }
      if (error)
        return reject(
          missing(
            login,
            `the password command failed with exit code ${error.code ?? 'none'}; run by hand it tells why`,
          ),
        );
      const password = withoutLineEnd(stdout);
      if (password === '') return reject(missing(login, 'the password command printed nothing'));
      return resolve(password);
    });
  });
}

const NONE = 'there is none in url, password_file, password_command, PGPASSWORD, PGPASSFILE or ~/.pgpass';

async function passwordInPassfile(login: Login, named: string | null): Promise<string> {
  const { PGPASSFILE: fromEnvironment = '' } = process.env;
  const file = named ?? (fromEnvironment || path.join(homedir(), '.pgpass'));
  const isThere = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const wanted = named !== null || fromEnvironment !== '';
    throw missing(login, wanted ? `the file ${file} cannot be read` : NONE);
  }
  // As libpq does, which reads none of those.
  if (process.platform !== 'win32' && ((await stat(file)).mode & RIGHTS_OF_OTHERS) !== 0) {
    throw missing(login, `others may read ${file}, so it is left alone as libpq does (chmod 0600)`);
  }
  const found = findInPassfile(await readFile(file, 'utf8'), login);
  if (found === null) throw missing(login, `${file} has no line for this host, port, database and user`);
  return found;
}

/**
 * The password of the first line `host:port:database:user:password` that fits, with `*` for anything and `\` before
 * signs that mean nothing; null if there is none.
 * @internal exported for tests
 */
export function findInPassfile(text: string, login: Omit<Login, 'server'>): string | null {
  const wanted = [login.host, String(login.port), login.database, login.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].slice(0, 4).map(([, field = '']) => field);
    if (fields.length < 4 || !fields.every((field, at) => field === '*' || unescaped(field) === wanted[at])) continue;
    const start = fields.reduce((length, field) => length + field.length + 1, 0);
    if (start > line.length) continue;
    // A colon ends the password too, unless it is escaped.
    const [password = ''] = /^(?:\\.|[^\\:])*/.exec(line.slice(start)) ?? [];
    return unescaped(password);
  }
  return null;
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, '$1');
}
