import type { DuckDBConnection } from '@duckdb/node-api';

/** A schema of the engine for tables of one relation, made with the first of them: few changes need none. */
export class LazySchema implements AsyncDisposable {
  readonly name: string;
  readonly #connection: DuckDBConnection;
  #made: Promise<unknown> | null = null;

  constructor(connection: DuckDBConnection, name: string) {
    this.#connection = connection;
    this.name = name;
  }

  /** Call it before the first table. */
  async make(): Promise<void> {
    this.#made ??= this.#connection.run(`create schema ${this.name}`);
    await this.#made;
  }

  /** Drops it with everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#made !== null) await this.#connection.run(`drop schema if exists ${this.name} cascade`);
  }
}
