import pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';
import { explainConnectError } from './connect-errors.js';
import { CONNECT_MS_MAX } from './connection-url.js';
import { poolClient } from './pool-client.js';
import {
  cutSession,
  explainConnectionLoss,
  inEitherWay,
  isConnectionLoss,
  type SessionOptions,
  SYNC_ROLE,
  setUpSession,
} from './session.js';
import { sessionSettings } from './session-settings.js';
import { SessionWatch } from './session-watch.js';
import { forgetStatementNames } from './unnamed-statements.js';

export interface SessionPoolOptions {
  readonly url: string;
  readonly applicationName: string;
  /** Maximum number of concurrent sessions; further callers wait. */
  readonly sessionsMax: number;
  /** Maximum milliseconds for a statement. */
  readonly statementTimeoutMs: number;
  /** Maximum milliseconds for a statement to wait for a lock. */
  readonly lockTimeoutMs: number;
  /** Whether each transaction may run in another session of the server, which others use before and after it. */
  readonly isPooled: boolean;
}

const IDLE_MS_MAX = 30_000;
/** The server ends a statement before we give it up, so that it can say why. */
const GIVE_UP_MS = 5_000;
/** Transactions whose first statement finds a lost connection are begun anew. */
const BEGINNINGS_MAX = 3;

/**
 * Sessions of one database for many short transactions, each with the rights of one role.
 *
 * A session belongs to the login role of the connection string. `inTransaction` assumes the role with SET LOCAL ROLE,
 * so that Postgres itself checks every right, and a session never stays in it after the transaction, however that ends.
 */
export class SessionPool implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #url: string;
  readonly #watch: SessionWatch;
  /** Sessions that nobody uses at the moment. */
  readonly #unused = new Set<pg.PoolClient>();
  readonly #begin: string;

  constructor(options: SessionPoolOptions) {
    const { url, applicationName, statementTimeoutMs } = options;
    this.#url = url;
    // What silenced one of them may have silenced all that were open then.
    this.#watch = new SessionWatch({ url, applicationName, onSilent: () => this.#dropUnused() });
    const queryTimeoutMs = statementTimeoutMs + GIVE_UP_MS;
    const session: SessionOptions = { ...options, role: null, isGuest: true, queryTimeoutMs, watch: this.#watch };
    this.#begin = options.isPooled ? `begin; ${sessionSettings(session, 'transaction')}` : 'begin';
    this.#pool = new pg.Pool({
      Client: poolClient(session),
      // Also for a turn, where all sessions are in use.
      connectionTimeoutMillis: CONNECT_MS_MAX,
      max: options.sessionsMax,
      idleTimeoutMillis: IDLE_MS_MAX,
      allowExitOnIdle: true,
      // Of a session that is another one each time, nothing is known that could be watched either.
      onConnect: (client) => (options.isPooled ? forgetStatementNames(client) : setUpSession(client, session)),
    });
    this.#pool.on('acquire', (client) => this.#unused.delete(client));
    this.#pool.on('release', (_error, client) => this.#unused.add(client));
    this.#pool.on('remove', (client) => this.#unused.delete(client));
    // The pool replaces an idle session that breaks; nobody waits for it.
    this.#pool.on('error', () => {});
  }

  /**
   * Runs `work` in a transaction with the rights of `role`; null for the login role.
   * @throws POSTGRES_UNREACHABLE, and what `work` throws, after a rollback
   */
  async inTransaction<Result>(role: string | null, work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const { client, onError } = await this.#beginAnywhere();
    let isBroken = true;
    try {
      await takeOnRole(client, role);
      const result = await work(client);
      await client.query('commit');
      isBroken = false;
      return result;
    } catch (error) {
      isBroken = await client.query('rollback').then(
        () => false,
        () => true,
      );
      throw explainConnectionLoss(error, this.#url);
    } finally {
      client.off('error', onError);
      client.release(isBroken);
    }
  }

  /** A session in a transaction. If its connection turns out to be lost, nothing has been done yet: another one begins. */
  async #beginAnywhere(): Promise<{ readonly client: pg.PoolClient; readonly onError: () => void }> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await this.#connect();
      // One that breaks while lent out fails the current query, which reports it.
      const onError = () => {};
      client.on('error', onError);
      try {
        await client.query(this.#begin);
        return { client, onError };
      } catch (error) {
        client.off('error', onError);
        client.release(true);
        if (attempt >= BEGINNINGS_MAX || !isConnectionLoss(error)) throw explainConnectionLoss(error, this.#url);
      }
    }
  }

  #dropUnused(): void {
    for (const client of this.#unused) cutSession(client);
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await inEitherWay(this.#url, () => this.#pool.connect());
    } catch (error) {
      throw explainConnectError(error, this.#url);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    await this.#pool.end();
  }
}

/** Acts as `role` until the transaction ends or another one is assumed; null returns to the login role. */
async function takeOnRole(client: pg.ClientBase, role: string | null): Promise<void> {
  await client.query(role === null ? 'set local role none' : `set local role ${quoteIdentifier(role)}`);
}

/** Does part of a caller's transaction as the sidecar itself, then returns to the caller's role. */
export async function asSidecar<Result>(
  client: pg.ClientBase,
  role: string | null,
  work: () => Promise<Result>,
): Promise<Result> {
  await takeOnRole(client, SYNC_ROLE);
  const result = await work();
  await takeOnRole(client, role);
  return result;
}
