import pg from 'pg';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { postgresReason } from '../../core/reasons/postgres-reason.js';
import { CertificateUnreadable, NO_TLS } from './connection-url.js';

export function connectionsTaken(url: string, reason: string, cause?: unknown): SyncedTablesError {
  return syncedTablesError('POSTGRES_CONNECTIONS_TAKEN', { server: describeServer(url), reason }, cause);
}

/**
 * Why no session could be opened, in our words: POSTGRES_UNREACHABLE, POSTGRES_CONNECTIONS_TAKEN, POSTGRES_LOGIN_REFUSED,
 * POSTGRES_DATABASE_MISSING, POSTGRES_TLS_FAILED or OPEN_FILES_LIMIT. What the server says of our settings stays as it is.
 */
export function explainConnectError(error: unknown, url: string): unknown {
  if (asSyncedTablesError(error)) return error;
  const server = describeServer(url);
  if (error instanceof pg.DatabaseError) return explainRefusal(error, url);
  const files = explainOpenFiles(error);
  if (files !== null) return files;
  const reason = reasonOf(error);
  const advice = tlsAdvice(error);
  if (advice !== null) return syncedTablesError('POSTGRES_TLS_FAILED', { server, reason, advice }, error);
  return syncedTablesError('POSTGRES_UNREACHABLE', { server, reason }, error);
}

/** Poolers have no words of their own for a login, and all their refusals are violations of the protocol. */
const POOLER_LOGIN = /password|auth|no such user|SASL/i;
const POOLER_DATABASE = /no such database|database .* (?:does not exist|is disabled)|tenant or user not found/i;

function explainRefusal(error: pg.DatabaseError, url: string): unknown {
  const { code = '', message } = error;
  const server = describeServer(url);
  const details = { server, reason: postgresReason(error) };
  if (code === '53300' || /no more connections allowed/.test(message)) {
    return connectionsTaken(url, details.reason, error);
  }
  const isPooler = code.startsWith('08');
  if (code === '3D000' || (isPooler && POOLER_DATABASE.test(message))) {
    return syncedTablesError('POSTGRES_DATABASE_MISSING', details, error);
  }
  if (
    code.startsWith('28') ||
    (isPooler && POOLER_LOGIN.test(message)) ||
    /^permission denied for database/.test(message)
  ) {
    return syncedTablesError('POSTGRES_LOGIN_REFUSED', details, error);
  }
  // It starts or stops, or says that it takes no connections.
  if (isPooler || code.startsWith('57P') || /not currently accepting connections/.test(message)) {
    return syncedTablesError('POSTGRES_UNREACHABLE', details, error);
  }
  return error;
}

/** What to do about a certificate that is not accepted, by Node's code. */
const CERTIFICATES: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, "Renew the certificate of the server, or the CA's in sslrootcert"],
  [/^CERT_NOT_YET_VALID$/, 'Set the clocks of both machines right'],
  [/^CERT_REVOKED$/, 'Give the server another certificate'],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/,
    'Connect by a name that the certificate has, or verify all but the name with sslmode=verify-ca',
  ],
  [
    /SELF_SIGNED|^UNABLE_TO_|^CERT_(?:UNTRUSTED|REJECTED|CHAIN|SIGNATURE)|^INVALID_CA$/,
    'Name the file with the certificate of the CA that has signed it as sslrootcert; services that run Postgres offer theirs for download',
  ],
  [
    /^ERR_SSL_\w*(?:ALERT|CERTIFICATE)/,
    'The server does not accept the certificate of this side: check sslcert and sslkey, and which CA the server trusts',
  ],
  [
    /^ERR_(?:OSSL|SSL|TLS|CRYPTO)_/,
    'Check the files of sslrootcert, sslcert and sslkey, and that a key belongs to its certificate',
  ],
];

/** What to do if a connection failed for its encryption; null if that is not what it failed for. */
function tlsAdvice(error: unknown): string | null {
  if (error instanceof CertificateUnreadable) return 'Correct the path, and let this user read the file';
  const { code, message } = error as NodeJS.ErrnoException;
  if (message === NO_TLS) {
    return 'Turn ssl on in the server, or allow connections without encryption with sslmode=prefer or disable';
  }
  if (/^sslmode=|^sslcert and sslkey/.test(message)) return 'Add the parameter to the connection string';
  return CERTIFICATES.find(([codes]) => codes.test(code ?? ''))?.[1] ?? null;
}

/** What `pg` says, in its own terms, when a connection has ended under a session. */
export function isEndOfConnection(error: unknown): boolean {
  return (
    error instanceof Error &&
    !(error instanceof pg.DatabaseError) &&
    /^(?:Connection terminated|Client (?:was closed|has encountered))/.test(error.message)
  );
}

/** Texts of system errors, and of the connection; nothing of them comes from a row. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  if (isEndOfConnection(error)) return 'the connection was lost';
  const [line = ''] = error.message.split('\n');
  // What OpenSSL says begins with numbers and names of its own source.
  const said = /^[0-9A-F]+:error:[^:]*:[^:]*:([^:]+)/.exec(line)?.[1] ?? line;
  return said.replace(/\.$/, '') || error.name;
}
