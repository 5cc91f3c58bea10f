import pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';
import { clientConfig, explainConnectError, isConnectionLoss, SYNC_ROLE, sessionSettings } from './session.js';

export interface SessionPoolOptions {
  readonly url: string;
  readonly applicationName: string;
  /** Maximum number of concurrent sessions; further callers wait. */
  readonly sessionsMax: number;
  /** Maximum milliseconds for a statement. */
  readonly statementTimeoutMs: number;
  /** Maximum milliseconds for a statement to wait for a lock. */
  readonly lockTimeoutMs: number;
}

const IDLE_MS_MAX = 30_000;

/**
 * Sessions of one database for many short transactions, each with the rights of one role.
 *
 * A session belongs to the login role of the connection string. `inTransaction` assumes the role with SET LOCAL ROLE,
 * so that Postgres itself checks every right, and a session never stays in it after the transaction, however that ends.
 */
export class SessionPool implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #url: string;

  constructor(options: SessionPoolOptions) {
    const session = { ...options, role: null };
    this.#url = options.url;
    this.#pool = new pg.Pool({
      ...clientConfig(session),
      max: options.sessionsMax,
      idleTimeoutMillis: IDLE_MS_MAX,
      allowExitOnIdle: true,
      onConnect: async (client) => {
        await client.query(sessionSettings(session));
      },
    });
    // The pool replaces an idle session that breaks; nobody waits for it.
    this.#pool.on('error', () => {});
  }

  /**
   * Runs `work` in a transaction with the rights of `role`; null for the login role.
   * @throws POSTGRES_UNREACHABLE, and what `work` throws, after a rollback
   */
  async inTransaction<Result>(role: string | null, work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const client = await this.#connect();
    // One that breaks while lent out fails the current query, which reports it.
    const onError = () => {};
    client.on('error', onError);
    let isBroken = true;
    try {
      await client.query('begin');
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
      throw isConnectionLoss(error) ? explainConnectError(error, this.#url) : error;
    } finally {
      client.off('error', onError);
      client.release(isBroken);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw explainConnectError(error, this.#url);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
