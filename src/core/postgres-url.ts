// Connection strings of Postgres, as libpq reads them, with two parameters of our own for passwords that change.

import { nearestName } from './spelling.js';

/** Meanings of `sslmode` that are libpq's; `no-verify` is one of `pg` itself. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** A file that holds nothing but the password, and a command that prints it: both are asked anew for each connection. */
const PASSWORD_FILE = 'password_file';
const PASSWORD_COMMAND = 'password_command';

/** Parameters that are looked at. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'passfile',
  PASSWORD_FILE,
  PASSWORD_COMMAND,
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslcrl',
  'sslnegotiation',
  'channel_binding',
  'connect_timeout',
  'options',
  'application_name',
];

/** Others of libpq and of much used programs, which resemble some of those and mean nothing here. */
const OTHERS = ['ssl', 'sslcompression', 'sslsni', 'sslcertmode', 'sslcrldir', 'hostaddr', 'schema', 'pool_timeout'];

/**
 * The same connection string with a host, which those for Unix sockets may lack: `postgres://user@/database?host=/run/postgresql`.
 * What the parameter says goes before.
 */
export function withHost(url: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/(?:[^@/]*@)?)(?=\/)/, '$1localhost');
}

/** Null if it is none. */
export function parsePostgresUrl(url: string): URL | null {
  if (!/^postgres(ql)?:\/\//.test(url)) return null;
  const text = withHost(url);
  return URL.canParse(text) ? new URL(text) : null;
}

/** What is wrong with a connection string, in words that show no part of it that may be secret; null if it can be used. */
export function postgresUrlFault(url: string): string | null {
  const parsed = parsePostgresUrl(url);
  if (parsed === null) return 'a URL such as postgres://user@host:5432/database';
  const names = [...parsed.searchParams.keys()];
  // What follows a # is no part of a connection string, but may well be one of a password, as is what comes before another @.
  if (parsed.hash !== '' || [parsed.pathname, ...names].some((part) => part.includes('@')))
    return 'a URL in which signs like @ : / # of a password are percent-encoded';
  const misspelt = names.find((name) => !PARAMETERS.includes(name) && isMisspelt(name));
  // Libpq refuses what it does not know. A misspelt sslmode must not leave a connection unencrypted.
  if (misspelt !== undefined) {
    return `a URL without a parameter "${misspelt}"; did you mean "${nearestName(misspelt, PARAMETERS)}"?`;
  }
  const mode = parsed.searchParams.get('sslmode');
  return mode === null || SSL_MODES.includes(mode) ? null : `sslmode as one of ${SSL_MODES.join(', ')}`;
}

function isMisspelt(name: string): boolean {
  const nearest = nearestName(name, [...PARAMETERS, ...OTHERS]);
  return nearest !== undefined && PARAMETERS.includes(nearest);
}

/** Whether a connection string has its password in it. */
export function hasPassword(url: string): boolean {
  const parsed = parsePostgresUrl(url);
  return parsed !== null && (parsed.password !== '' || parsed.searchParams.has('password'));
}

/** Where the password of a connection string comes from, if not out of the string itself. */
export interface PasswordSource {
  readonly password_file?: string | undefined;
  readonly password_command?: string | undefined;
}

/** The connection string that says where its password comes from. It never leaves this program. */
export function withPasswordSource(url: string, { password_file, password_command }: PasswordSource): string {
  const parsed = parsePostgresUrl(url);
  if (parsed === null || (password_file === undefined && password_command === undefined)) return url;
  if (password_file !== undefined) parsed.searchParams.set(PASSWORD_FILE, password_file);
  if (password_command !== undefined) parsed.searchParams.set(PASSWORD_COMMAND, password_command);
  return parsed.href;
}

/** Where a server is: a name or an address, or the folder of a Unix socket. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

const PORT = 5432;

/** The server of a connection string. */
export function serverPlace(url: URL): ServerPlace {
  const named = url.searchParams.get('host') ?? decoded(url.hostname).replace(/^\[|\]$/g, '');
  return { host: named || 'localhost', port: Number(url.searchParams.get('port') || url.port || PORT) };
}

/** `host:port/database` of a connection string: the parts that may be shown. */
export function describeServer(url: string): string {
  const parsed = parsePostgresUrl(url);
  if (parsed === null) return 'the configured server';
  const { host, port } = serverPlace(parsed);
  if (host.startsWith('/')) return `${host}${parsed.pathname}`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}${parsed.pathname}`;
}

/** Percent-encoded text; as it is if it is not. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
