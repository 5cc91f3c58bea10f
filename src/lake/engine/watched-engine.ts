import type { DuckDBConnection } from '@duckdb/node-api';
import type { Engine } from './duckdb-engine.js';

/** Waits for a statement, but no longer than the disk answers that it reads. */
export type WhileAnswering = <Result>(statement: Promise<Result>) => Promise<Result>;

/** The engine for reading files of a disk that may stop answering, as network mounts do. */
export function watchedEngine(engine: Engine, whileAnswering: WhileAnswering): Engine {
  return {
    ...engine,
    async connect() {
      return watchedConnection(await engine.connect(), whileAnswering);
    },
  };
}

/**
 * A connection whose statements fail when the disk that they read falls silent. Such a statement goes on waiting in
 * its thread, since nothing can interrupt it: every later one fails at once, and the connection is closed, without
 * anybody waiting for that, when the disk answers again.
 */
export function watchedConnection(connection: DuckDBConnection, whileAnswering: WhileAnswering): DuckDBConnection {
  let hung: { readonly reason: unknown; readonly statement: Promise<unknown> } | null = null;
  const watch = async <Result>(start: () => Promise<Result>): Promise<Result> => {
    if (hung !== null) throw hung.reason;
    const statement = start();
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    statement.then(over, over);
    try {
      return await whileAnswering(statement);
    } catch (error) {
      if (!isOver) {
        hung = { reason: error, statement };
        connection.interrupt();
      }
      throw error;
    }
  };
  const watched: Pick<DuckDBConnection, 'run' | 'runAndReadAll' | 'stream' | 'closeSync'> = {
    run: (...statement) => watch(() => connection.run(...statement)),
    runAndReadAll: (...statement) => watch(() => connection.runAndReadAll(...statement)),
    async stream(...statement) {
      const result = await watch(() => connection.stream(...statement));
      const fetchChunk = result.fetchChunk.bind(result);
      result.fetchChunk = () => watch(fetchChunk);
      return result;
    },
    closeSync() {
      const close = () => connection.closeSync();
      if (hung === null) close();
      else hung.statement.then(close, close);
    },
  };
  return new Proxy(connection, {
    get(target, name) {
      if (Object.hasOwn(watched, name)) return Reflect.get(watched, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
