import pg from 'pg';

/** What differs between sessions of ours. */
export interface SessionChoices {
  /** Role to act as; null for the login role itself (migrations, the CLI). */
  readonly role: string | null;
  /** Maximum milliseconds for a statement to wait for a lock. Default 30,000. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds after which the server ends a statement. Default none. */
  readonly statementTimeoutMs?: number;
}

const LOCK_TIMEOUT_MS = 30_000;
/** Memory for a session's staged rows before they spill to disk; allocated as needed. The server's default is 8. */
const TEMP_BUFFERS_MB = 64;
/**
 * Silence after which either side probes the other. A connection that carries nothing is broken a minute later if the
 * other side is gone; one with bytes on their way, a quarter of an hour later, for which there are `SessionWatch` on our
 * side and a time limit on the server's.
 */
export const KEEPALIVE_SECONDS = 30;
/** How long the server waits for our machine to acknowledge what it sent. */
const UNACKNOWLEDGED_SECONDS = 30;

/**
 * What a session must not take from its database or role, where their owners may set anything: how values and names are
 * written, what a query may see, and how long it may take. Servers have those of their version.
 */
const OURS: readonly (readonly [name: string, value: string])[] = [
  ['DateStyle', 'ISO, YMD'],
  ['TimeZone', 'UTC'],
  ['IntervalStyle', 'postgres'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['xmlbinary', 'base64'],
  ['xmloption', 'content'],
  ['quote_all_identifiers', 'off'],
  ['standard_conforming_strings', 'on'],
  ['backslash_quote', 'safe_encoding'],
  ['array_nulls', 'on'],
  ['transform_null_equals', 'off'],
  // Off, it turns what a policy would hide into errors, in the registry too.
  ['row_security', 'on'],
  ['restrict_nonsystem_relation_kind', ''],
  ['check_function_bodies', 'on'],
  ['default_transaction_isolation', 'read committed'],
  ['default_transaction_deferrable', 'off'],
  ['idle_in_transaction_session_timeout', '0'],
  ['idle_session_timeout', '0'],
  ['transaction_timeout', '0'],
];

/** Those that the server knows. Not by pg_settings, which takes temporary files where work_mem is small. */
const OURS_THERE = `(values ${OURS.map(([name, value]) => `('${name}', '${value}')`).join(', ')}) as s (name, wanted)
                     where pg_catalog.current_setting(s.name, true) is not null`;

/** What only concerns a connection of our own. */
const OF_THE_CONNECTION = [
  `set temp_buffers = '${TEMP_BUFFERS_MB}MB';`,
  // The server must notice our absence too: until then it keeps our locks, for two hours by default.
  `set tcp_keepalives_idle = ${KEEPALIVE_SECONDS}; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3;`,
  `set tcp_user_timeout = '${UNACKNOWLEDGED_SECONDS}s';`,
  // Covers index builds, during which it does not look at the socket; not available on Windows servers.
  `select pg_catalog.set_config('client_connection_check_interval', '10s', false) where version() !~* 'windows|mingw|visual c';`,
];

/**
 * The statements that apply our settings to a new connection, or to a transaction: where a pooler gives each transaction another
 * session, nothing may stay that the next one, which may be somebody else's, would find.
 */
export function sessionSettings(options: SessionChoices, lasting: 'session' | 'transaction' = 'session'): string {
  const settings = [
    ...basicSettings(options, lasting === 'session' ? 'set' : 'set local'),
    `select pg_catalog.set_config(s.name, s.wanted, ${lasting === 'transaction'}) from ${OURS_THERE};`,
    ...(lasting === 'session' ? OF_THE_CONNECTION : []),
  ];
  return settings.join(' ');
}

/**
 * The same for a transaction that must not run a query before its snapshot is there: statements that only set. Asks which settings
 * the server knows, outside of transactions.
 */
export async function settingsWithoutQueries(client: pg.Client, options: SessionChoices): Promise<string> {
  const { rows } = await client.query<{ name: string; wanted: string }>(`select s.name, s.wanted from ${OURS_THERE}`);
  const ours = rows.map(({ name, wanted }) => `set local ${name} = ${pg.escapeLiteral(wanted)};`);
  return [...basicSettings(options, 'set local'), ...ours].join(' ');
}

function basicSettings(options: SessionChoices, set: 'set' | 'set local'): string[] {
  return [
    options.role === null ? '' : `${set} role ${pg.escapeIdentifier(options.role)};`,
    `${set} search_path = pg_catalog, pg_temp; ${set} client_encoding = 'UTF8';`,
    `${set} statement_timeout = ${options.statementTimeoutMs ?? 0};`,
    `${set} lock_timeout = ${options.lockTimeoutMs ?? LOCK_TIMEOUT_MS};`,
  ];
}
