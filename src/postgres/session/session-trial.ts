import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { connectionsTaken } from './connect-errors.js';
import { closeSession, connect, cutSession, isPostgresError, loginProcess } from './session.js';

/** How long an answer may take before the pooler counts as having no session for it. */
const ANSWER_MS_MAX = 10_000;
/** Others may happen to hold the session that would have given a pooler away. */
const ROUNDS = 3;

/** A connection string, and how those who use it appear in pg_stat_activity. */
export interface TriedConnection {
  readonly url: string;
  readonly applicationName: string;
}

/**
 * Tries whether connections keep their server session from one transaction to the next, which they do not behind a pooler in
 * transaction or statement mode. While a second connection is in a transaction, a pooler has to give the first one something else
 * than it had, or has given both the same. Nothing is set on any session: with such a pooler others would find it.
 * @throws what `connect` throws
 * @internal exported for tests
 */
export async function keepsSession(connection: TriedConnection): Promise<boolean> {
  const tried = await connectTwice(connection);
  try {
    return await areKept(tried, connection.url);
  } finally {
    await closeAll(tried);
  }
}

/** Connections that are tried. */
interface TriedSessions {
  readonly first: pg.Client;
  /** Null where the server has no more. */
  readonly second: pg.Client | null;
}

/** One after the other: of two that begin together, a server that has one left may refuse both. */
async function connectTwice(connection: TriedConnection): Promise<TriedSessions & { readonly refusal: unknown }> {
  const options = { ...connection, role: null };
  const first = await connect(options);
  try {
    return { first, second: await connect(options), refusal: null };
  } catch (refusal) {
    if (isTaken(refusal)) return { first, second: null, refusal };
    await closeSession(first);
    throw refusal;
  }
}

async function areKept(
  { first, second, refusal }: TriedSessions & { readonly refusal: unknown },
  url: string,
): Promise<boolean> {
  if (second !== null) return stayApart(first, second, url);
  // A server that is full to its last connection is a server, at least.
  if ((await processOf(first, '')) === loginProcess(first)) return true;
  throw refusal;
}

async function closeAll({ first, second }: TriedSessions): Promise<void> {
  await Promise.all([first, ...(second === null ? [] : [second])].map((client) => closeSession(client)));
}

function isTaken(error: unknown): boolean {
  return asSyncedTablesError(error)?.code === 'POSTGRES_CONNECTIONS_TAKEN';
}

/**
 * Opens two sessions, or the one that the server has left, that stay as they are. Nothing is set on them.
 * @throws POSTGRES_SESSION_NOT_KEPT, and what `connect` throws
 */
export async function openKeptSessions(connection: TriedConnection): Promise<TriedSessions> {
  const tried = await connectTwice(connection);
  try {
    if (await areKept(tried, connection.url)) return tried;
    throw syncedTablesError('POSTGRES_SESSION_NOT_KEPT', { server: describeServer(connection.url) });
  } catch (error) {
    await closeAll(tried);
    throw error;
  }
}

/** @throws as `openKeptSessions` */
export async function requireSession(connection: TriedConnection): Promise<void> {
  await closeAll(await openKeptSessions(connection));
}

async function stayApart(first: pg.Client, second: pg.Client, url: string): Promise<boolean> {
  for (let round = 1; ; round++) {
    // Twice, for poolers that give the session which has rested for longest; the others give the last one to the second.
    const [before, again] = [await processOf(first, ''), await processOf(first, '')];
    const held = again === NO_ANSWER ? again : await processOf(second, 'begin; ');
    // A session that is never free is one that another connection keeps.
    if (held === NO_ANSWER) throw connectionsTaken(url, NONE_FREE);
    if (held === NO_TRANSACTION) return false;
    const after = await processOf(first, '');
    // Where the login was answered by that process itself, it is only slow.
    const isDirect = before === loginProcess(first);
    if (after === NO_ANSWER && isDirect) throw connectionsTaken(url, NONE_FREE);
    if (before !== again || again !== after || held === after) return false;
    await second.query('rollback');
    if (round === ROUNDS || (isDirect && held === loginProcess(second))) return true;
  }
}

const NONE_FREE = `no session has answered within ${ANSWER_MS_MAX / 1000} s`;
const NO_ANSWER = -1;
const NO_TRANSACTION = -2;

/** The process that runs a statement of a connection. */
async function processOf(client: pg.Client, before: string): Promise<number> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    cutSession(client);
  }, ANSWER_MS_MAX);
  try {
    const answer: unknown = await client.query(`${before}select pg_catalog.pg_backend_pid() as pid`);
    const results = (Array.isArray(answer) ? answer : [answer]) as pg.QueryResult<{ pid: number }>[];
    return results.at(-1)?.rows[0]?.pid ?? NO_ANSWER;
  } catch (error) {
    if (isLate) return NO_ANSWER;
    // Statement pooling has no transactions, and its pooler ends connections that begin one.
    if (before !== '' && isPostgresError(error) && error.code?.startsWith('08')) return NO_TRANSACTION;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tries whether two connection strings lead to the same database: one holds a lock there that the other has to see. Both are in a
 * transaction meanwhile, so that either may go through a pooler.
 * @throws what `connect` throws
 */
export async function leadToSameDatabase(one: TriedConnection, other: TriedConnection): Promise<boolean> {
  const holder = await connect({ ...one, role: null });
  try {
    const seeker = await connect({ ...other, role: null });
    try {
      return await seesLock(holder, seeker);
    } finally {
      await closeSession(seeker);
    }
  } finally {
    await closeSession(holder);
  }
}

async function seesLock(holder: pg.Client, seeker: pg.Client): Promise<boolean> {
  const key = randomBytes(4).readInt32BE();
  await holder.query(`begin; select pg_catalog.pg_advisory_xact_lock(${key}, 0)`);
  const { rows } = await seeker.query<{ isSeen: boolean }>(
    `select exists (
       select from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and l.classid = ${key >>> 0} and l.objid = 0 and l.objsubid = 2
          and d.datname = pg_catalog.current_database()) as "isSeen"`,
  );
  await holder.query('rollback');
  return rows[0]?.isSeen === true;
}
