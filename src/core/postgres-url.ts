// Connection strings of Postgres, as libpq reads them.

/** Meanings of `sslmode` that are libpq's; `no-verify` is one of `pg` itself. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

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
  // What follows a # is no part of a connection string, but may well be one of a password.
  if (parsed.hash !== '') return 'a URL in which signs like @ : / # of a password are percent-encoded';
  const mode = parsed.searchParams.get('sslmode');
  return mode === null || SSL_MODES.includes(mode) ? null : `sslmode as one of ${SSL_MODES.join(', ')}`;
}

/** `host:port/database` of a connection string: the parts that may be shown. */
export function describeServer(url: string): string {
  const parsed = parsePostgresUrl(url);
  if (parsed === null) return 'the configured server';
  const { hostname, port, pathname, searchParams } = parsed;
  const socket = searchParams.get('host');
  if (socket?.startsWith('/')) return `${socket}${pathname}`;
  return `${socket ?? (hostname || 'localhost')}:${port || '5432'}${pathname}`;
}
