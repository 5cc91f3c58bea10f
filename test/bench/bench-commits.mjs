// @ts-check
// Commits of one row each, and how long it takes until a reader sees them.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const MS_MAX = 60_000;

/** Of a table that `writeBenchTable` has written and that is followed as `bench.<name>`. */
export class CommitTimes {
  #version = 0;
  /** @type {(version: number) => void} */
  #onVersion = () => {};
  #root;
  #target;
  #reader;

  /**
   * @param {{ lake: string, url: string, connection: import('@duckdb/node-api').DuckDBConnection }} bench
   * @param {number} rows of the table
   * @param {string} [name]
   */
  constructor({ lake, url, connection }, rows, name = 'customers') {
    this.connection = connection;
    this.rows = rows;
    this.#root = join(lake, 'bench', name);
    this.#target = `bench.${name}`;
    this.#reader = new pg.Client({ connectionString: url });
  }

  async start() {
    await this.#reader.connect();
    this.#reader.on('notification', ({ payload }) => {
      const { table, version } = JSON.parse(payload ?? '{}');
      if (table === this.#target) this.#onVersion(version);
    });
    await this.#reader.query('listen synced_table_updates');
    mkdirSync(join(this.#root, '_change_data'), { recursive: true });
  }

  /**
   * Commits a change of one row, and waits for it. Not to be called again before it has ended.
   * @returns milliseconds from the moment at which the commit's file has its name to the end of a SELECT that returns the
   *   row, which another session sends when it hears of the update
   */
  async next() {
    const version = ++this.#version;
    const id = (version * 7919) % this.rows;
    const path = `_change_data/cdc-${version}.parquet`;
    await this.connection.run(
      `copy (select * replace (${version} as visits), _change_type from read_parquet('${this.#root}/part-00000.parquet'),
               (values ('update_preimage'), ('update_postimage')) t(_change_type) where id = ${id})
       to '${join(this.#root, path)}' (format parquet)`,
    );
    const cdc = { path, partitionValues: {}, size: statSync(join(this.#root, path)).size, dataChange: false };
    const log = join(this.#root, '_delta_log', `${String(version).padStart(20, '0')}.json`);
    writeFileSync(
      `${log}.tmp`,
      `${JSON.stringify({ commitInfo: { operation: 'UPDATE' } })}\n${JSON.stringify({ cdc })}\n`,
    );
    const isVisible = this.#untilVisible(version, id);
    renameSync(`${log}.tmp`, log);
    const startedAt = performance.now();
    await isVisible;
    const took = performance.now() - startedAt;
    await sleep(version % 40);
    return took;
  }

  #untilVisible(/** @type {number} */ version, /** @type {number} */ id) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`version ${version} did not arrive`)), MS_MAX);
      this.#onVersion = async (found) => {
        if (found < version) return;
        clearTimeout(timer);
        const seen = await this.#reader.query({
          name: 'point',
          text: `select visits from ${this.#target} where id = $1`,
          values: [id],
        });
        if (seen.rows[0]?.visits === version) resolve(null);
        else reject(new Error(`version ${version} was announced, but its row is ${JSON.stringify(seen.rows[0])}`));
      };
    });
  }

  async [Symbol.asyncDispose]() {
    await this.#reader.end();
  }
}
