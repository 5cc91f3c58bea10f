import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { closeSession, openSession, SYNC_ROLE } from '../../postgres/session/session.js';
import { asSidecar, SessionPool } from '../../postgres/session/session-pool.js';
import type { Caller } from './caller.js';

const APPLICATION = 'synced-tables api';
const SESSIONS_MAX = 8;
const STATEMENT_MS_MAX = 60_000;
const LOCK_MS_MAX = 10_000;

/** How a managed database is reached. */
interface DatabasePlace {
  /** Name of its instance. */
  readonly instance: string;
  readonly name: string;
  /** For transactions, each of which may run in another session. */
  readonly url: string;
  /** For what needs a session that stays, where `url` is not for that; else null. */
  readonly directUrl: string | null;
}

/** One managed database, as the API works with it. */
export class ApiDatabase {
  /** Name of its instance. */
  readonly instance: string;
  readonly name: string;
  readonly #url: string;
  readonly #directUrl: string | null;
  #pool: SessionPool | null = null;

  constructor(place: DatabasePlace) {
    this.instance = place.instance;
    this.name = place.name;
    this.#url = place.url;
    this.#directUrl = place.directUrl;
  }

  /**
   * Runs `work` with the sidecar's rights: for registry tables, whose rows each query has to filter by what the caller
   * may see (`_role_may_see`).
   */
  asService<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    return this.#sessions().inTransaction(SYNC_ROLE, work);
  }

  /**
   * Runs `work` in one transaction with the caller's rights, as if they had logged in: for every change. `asService`,
   * the second argument of `work`, does part of the same transaction with the sidecar's rights.
   * @throws API_INSTANCE_NOT_FOUND for a caller without a role here
   */
  async asCaller<Result>(
    caller: Caller,
    work: (client: pg.ClientBase, asService: <Part>(part: () => Promise<Part>) => Promise<Part>) => Promise<Result>,
  ): Promise<Result> {
    const role = caller.roleOn(this.instance);
    if (role === undefined) throw syncedTablesError('API_INSTANCE_NOT_FOUND', { instance: this.instance });
    return this.#sessions().inTransaction(role, (client) => work(client, (part) => asSidecar(client, role, part)));
  }

  /** Like `asCaller`, but whatever `work` has done is undone in the end. */
  async asCallerUndone<Result>(caller: Caller, work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const undone = new Undone<Result>();
    try {
      return await this.asCaller<Result>(caller, async (client) => {
        undone.result = await work(client);
        throw undone;
      });
    } catch (error) {
      if (error !== undone) throw error;
      return undone.result as Result;
    }
  }

  /** The role that `asCaller` acts as: by name, even if it is the login role of the connection string. */
  async roleNameOf(caller: Caller): Promise<string> {
    const role = caller.roleOn(this.instance);
    if (typeof role === 'string') return role;
    return this.asCaller(caller, async (client) => {
      const { rows } = await client.query<{ name: string }>('select current_user as name');
      return rows[0]?.name ?? '';
    });
  }

  /**
   * A session of its own with the sidecar's rights that hears of `channel`, for as long as it is open. It only listens: what
   * happened before, or while it is lost, is not told.
   * @param onEnd called when the session is lost or closed
   * @throws POSTGRES_UNREACHABLE
   */
  async listen(channel: string, onPayload: (payload: string) => void, onEnd: () => void): Promise<AsyncDisposable> {
    const client = await openSession({
      url: this.#directUrl ?? this.#url,
      applicationName: APPLICATION,
      role: SYNC_ROLE,
      isGuest: true,
    });
    client.on('notification', ({ payload = '' }) => onPayload(payload));
    client.once('end', onEnd);
    await client.query(`listen ${quoteIdentifier(channel)}`);
    return { [Symbol.asyncDispose]: () => closeSession(client) };
  }

  #sessions(): SessionPool {
    this.#pool ??= new SessionPool({
      url: this.#url,
      applicationName: APPLICATION,
      sessionsMax: SESSIONS_MAX,
      statementTimeoutMs: STATEMENT_MS_MAX,
      lockTimeoutMs: LOCK_MS_MAX,
      isPooled: this.#directUrl !== null,
    });
    return this.#pool;
  }

  async close(): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
  }
}

/** Ends a transaction that is to leave nothing behind. Never reaches a caller. */
class Undone<Result> extends Error {
  override readonly name = 'Undone';
  result: Result | undefined;
}
