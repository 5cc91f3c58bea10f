import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';
import { decoded, describeServer, parsePostgresUrl, serverPlace } from '../../core/postgres-url.js';
import { COMMAND_MS_MAX, readPassword } from './passwords.js';

/**
 * Whether servers of a connection string want TLS, as far as it was found out: with `prefer` and `allow` both are fine, and `pg`
 * does not try the other way by itself.
 */
const found = new Map<string, boolean>();

/** How long connecting may take, unless `connect_timeout` says otherwise. */
export const CONNECT_MS_MAX = 10_000;

/**
 * The configuration for `pg` of a connection string, with libpq's meanings of its parameters. Certificates and passwords are read
 * anew each time, so that those that change need no restart.
 * @throws CertificateUnreadable; a fault of the parameters in words
 */
export function connectionConfig(url: string): pg.ClientConfig {
  const parsed = parsePostgresUrl(url);
  if (parsed === null) throw new Error('the connection string is no URL such as postgres://user@host:5432/database');
  const { searchParams } = parsed;
  const { host, port } = serverPlace(parsed);
  const user = searchParams.get('user') || decoded(parsed.username);
  const database = decoded(parsed.pathname.slice(1));
  const command = searchParams.get('password_command');
  const places = {
    password: searchParams.get('password') || decoded(parsed.password) || null,
    file: searchParams.get('password_file'),
    command,
    passfile: searchParams.get('passfile'),
  };
  const { PGUSER = '', USER = '', PGDATABASE = '' } = process.env;
  const name = user || PGUSER || USER;
  const login = { server: describeServer(url), host, port, user: name, database: database || PGDATABASE || name };
  const seconds = Number(searchParams.get('connect_timeout') ?? 0);
  const patienceMs = seconds > 0 ? seconds * 1000 : CONNECT_MS_MAX;
  const options = searchParams.get('options');
  return {
    host,
    port,
    user: login.user,
    database: login.database,
    // Asked only if the server wants one.
    password: () => readPassword(login, places),
    ssl: encryption(url, parsed, host),
    connectionTimeoutMillis: patienceMs + (command === null ? 0 : COMMAND_MS_MAX),
    ...(options === null ? {} : { options }),
    ...(searchParams.get('channel_binding') === 'require' ? { enableChannelBinding: true } : {}),
    ...(searchParams.get('sslnegotiation') === 'direct' ? { sslnegotiation: 'direct' } : {}),
  };
}

/** `sslmode`; without one it is `allow`, so that servers that insist on encryption can be used. */
function modeOf({ searchParams }: URL): string {
  const ssl = searchParams.get('ssl');
  // As `pg` reads it, and drivers of Java do.
  const mode = ssl === null ? process.env.PGSSLMODE || 'allow' : /^(true|1)$/.test(ssl) ? 'verify-full' : 'disable';
  return searchParams.get('sslmode') ?? mode;
}

/** A file of the connection string that cannot be read. */
export class CertificateUnreadable extends Error {
  override readonly name = 'CertificateUnreadable';
}

function encryption(url: string, parsed: URL, host: string): false | ConnectionOptions {
  const mode = modeOf(parsed);
  // As libpq has it: nobody listens in on a socket of this machine.
  if (mode === 'disable' || host.startsWith('/')) return false;
  const isEither = mode === 'allow' || mode === 'prefer';
  if (isEither && !(found.get(url) ?? mode === 'prefer')) return false;
  const named = (name: string) => parsed.searchParams.get(name) || process.env[`PG${name.toUpperCase()}`] || null;
  const root = named('sslrootcert');
  const ca = root === null || root === 'system' ? null : readCertificate(root);
  const passphrase = parsed.searchParams.get('sslpassword');
  const [certificate, key, revoked] = [named('sslcert'), named('sslkey'), named('sslcrl')];
  if ((certificate === null) !== (key === null)) throw new Error('sslcert and sslkey need each other');
  if (mode === 'verify-ca' && ca === null) {
    throw new Error('sslmode=verify-ca needs the certificate of the CA as sslrootcert');
  }
  return {
    ...(ca === null ? {} : { ca }),
    ...(certificate === null ? {} : { cert: readCertificate(certificate) }),
    ...(key === null ? {} : { key: readCertificate(key) }),
    ...(passphrase === null ? {} : { passphrase }),
    ...(revoked === null ? {} : { crl: readCertificate(revoked) }),
    ...verification(mode, ca !== null),
  };
}

/** `require` encrypts and verifies nothing unless there is a root certificate, `verify-ca` verifies all but the name. */
function verification(mode: string, hasRoot: boolean): ConnectionOptions {
  if (mode === 'verify-full') return {};
  if (mode === 'verify-ca' || (mode === 'require' && hasRoot)) return { checkServerIdentity: () => undefined };
  return { rejectUnauthorized: false };
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CertificateUnreadable(`certificate or key ${file} cannot be read (${code})`, { cause: error });
  }
}

/** What `pg` says of a server that answers "no" to the question whether it encrypts. */
export const NO_TLS = 'The server does not support SSL connections';
/** What servers and poolers say to those who do not encrypt. */
const INSISTS = /no encryption|SSL off|SSL (?:connection is )?required|connection is insecure|requires? (?:SSL|TLS)/i;
/** What they say where only plain connections are let in. */
const PLAIN_ONLY = /SSL encryption|SSL on\b/i;

/** Whether to try again in the other way, encrypted or not, which is remembered then. */
export function triesOtherWay(url: string, error: unknown): boolean {
  const parsed = parsePostgresUrl(url);
  const mode = parsed === null ? '' : modeOf(parsed);
  if (mode !== 'prefer' && mode !== 'allow') return false;
  const { message = '', code } = error as Partial<pg.DatabaseError>;
  const isRefused = code?.startsWith('28') === true || code?.startsWith('08') === true;
  const isPlain = message === NO_TLS || (isRefused && PLAIN_ONLY.test(message));
  if (!isPlain && !(isRefused && INSISTS.test(message))) return false;
  found.set(url, !isPlain);
  return true;
}
