// @ts-check
// A writer of Delta tables that needs no Python: Parquet by DuckDB; commits, change files and checkpoints by hand.
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** @typedef {import('./workload.mjs').Row} Row */
/** @typedef {import('./workload.mjs').Commit} Commit */
/** @typedef {Record<string, any>} Action */

/** Files that a commit took out stay this long for those who still read an older version. */
const KEPT_MS = 600_000;
const COLUMNS = { id: 'long', v: 'long', batch: 'long', filler: 'string' };
/** The columns of a checkpoint, as DuckDB reads them from JSON. */
const CHECKPOINT_COLUMNS = `{
  protocol: 'struct("minReaderVersion" integer, "minWriterVersion" integer)',
  metaData: 'struct(id varchar, format struct(provider varchar, options map(varchar, varchar)), "schemaString" varchar,
                    "partitionColumns" varchar[], configuration map(varchar, varchar))',
  add: 'struct(path varchar, "partitionValues" map(varchar, varchar), size bigint, "modificationTime" bigint, "dataChange" boolean)'
}`;

/** @returns {Promise<import('./python-writer.mjs').Writer>} */
export async function startOwnWriter(/** @type {string} */ lake) {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MiB' });
  const connection = await instance.connect();
  /** @type {Map<string, DeltaTable>} */
  const tables = new Map();
  return {
    async create(name, rows) {
      const table = new DeltaTable(connection, join(lake, ...name.split('.')));
      tables.set(name, table);
      return table.create(rows);
    },
    async commit(name, what) {
      const table = tables.get(name);
      if (table === undefined) throw new Error(`there is no table ${name}`);
      return table.commit(what);
    },
    async [Symbol.asyncDispose]() {
      instance.closeSync();
    },
  };
}

class DeltaTable {
  #version = -1;
  /** The add actions of the live files, by path. @type {Map<string, Action>} */
  #live = new Map();
  /** @type {{ path: string, at: number }[]} */
  #removed = [];
  /** @type {Action[]} */
  #header;
  #connection;
  #folder;

  constructor(/** @type {import('@duckdb/node-api').DuckDBConnection} */ connection, /** @type {string} */ folder) {
    this.#connection = connection;
    this.#folder = folder;
    const fields = Object.entries(COLUMNS).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
    this.#header = [
      { protocol: { minReaderVersion: 1, minWriterVersion: 4 } },
      {
        metaData: {
          id: randomUUID(),
          format: { provider: 'parquet', options: {} },
          schemaString: JSON.stringify({ type: 'struct', fields }),
          partitionColumns: [],
          configuration: { 'delta.enableChangeDataFeed': 'true' },
        },
      },
    ];
  }

  async create(/** @type {Row[]} */ rows) {
    for (const part of ['_delta_log', '_change_data']) mkdirSync(join(this.#folder, part), { recursive: true });
    return this.#write([...this.#header, await this.#add(values(rows))]);
  }

  /** Returns the newest version. */
  async commit(/** @type {Commit} */ what) {
    switch (what.op) {
      case 'insert':
        return this.#write([await this.#add(values(what.rows))]);
      case 'merge':
        return this.#merge(what.rows, what.gone);
      case 'delete':
        return this.#replace(`batch = ${what.batch}`, []);
      case 'optimize':
        return this.#write(await this.#rewrite([...this.#live.keys()], 'true', [], false));
      case 'checkpoint':
        await this.#checkpoint();
        return this.#version;
    }
  }

  #merge(/** @type {Row[]} */ rows, /** @type {number[]} */ gone) {
    return this.#replace(`id in (${[...rows.map(({ id }) => id), ...gone].join(', ')})`, rows);
  }

  /** Takes out the rows of a condition and puts others in, in one commit whose change file tells of each. */
  async #replace(/** @type {string} */ condition, /** @type {Row[]} */ rows) {
    const files = await this.#filesWith(condition);
    const changes = await this.#parquet(
      `_change_data/cdc-${randomUUID()}.parquet`,
      `select *, 'delete' as _change_type from ${this.#read(files)} where ${condition}
       union all select *, 'insert' as _change_type from ${values(rows)}`,
    );
    const cdc = { ...changes, partitionValues: {}, dataChange: false };
    return this.#write([...(await this.#rewrite(files, `not (${condition})`, rows)), { cdc }]);
  }

  async #filesWith(/** @type {string} */ condition) {
    const found = await this.#connection.runAndReadAll(
      `select distinct parse_filename(filename) from ${this.#read([...this.#live.keys()], 'filename = true')} where ${condition}`,
    );
    return found.getRows().map(([name]) => String(name));
  }

  /** Puts one file in the place of others: what is kept of their rows, and new ones. */
  async #rewrite(
    /** @type {string[]} */ files,
    /** @type {string} */ kept,
    /** @type {Row[]} */ rows,
    dataChange = true,
  ) {
    const select = `(select * from ${this.#read(files)} where ${kept} union all select * from ${values(rows)})`;
    const added = await this.#add(select, dataChange);
    const deletionTimestamp = Date.now();
    return [...files.map((path) => ({ remove: { path, deletionTimestamp, dataChange } })), added];
  }

  /** @returns {Promise<Action>} */
  async #add(/** @type {string} */ rows, dataChange = true) {
    const file = await this.#parquet(`part-${randomUUID()}.parquet`, `select * from ${rows}`);
    return { add: { ...file, partitionValues: {}, modificationTime: Date.now(), dataChange } };
  }

  async #parquet(/** @type {string} */ path, /** @type {string} */ select) {
    const file = join(this.#folder, path);
    await this.#connection.run(`copy (${select}) to '${file}' (format parquet)`);
    return { path, size: statSync(file).size };
  }

  #read(/** @type {string[]} */ files, options = 'filename = false') {
    if (files.length === 0) return values([]);
    return `read_parquet([${files.map((path) => `'${join(this.#folder, path)}'`).join(', ')}], ${options})`;
  }

  #write(/** @type {Action[]} */ actions) {
    this.#version += 1;
    const lines = [{ commitInfo: { timestamp: Date.now(), operation: 'WRITE' } }, ...actions];
    this.#appear(`${this.#digits()}.json`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    for (const { add, remove, cdc } of actions) {
      if (add) this.#live.set(add.path, { add });
      if (remove) this.#live.delete(remove.path);
      if (remove ?? cdc) this.#removed.push({ path: (remove ?? cdc).path, at: Date.now() });
    }
    return this.#version;
  }

  async #checkpoint() {
    const actions = [...this.#header, ...this.#live.values()];
    const json = join(this.#folder, 'checkpoint.json');
    writeFileSync(json, actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
    const file = `${this.#digits()}.checkpoint.parquet`;
    await this.#connection.run(
      `copy (select * from read_json('${json}', format = 'newline_delimited', columns = ${CHECKPOINT_COLUMNS}))
         to '${join(this.#folder, '_delta_log', `${file}.tmp`)}' (format parquet)`,
    );
    rmSync(json);
    this.#rename(file);
    this.#appear('_last_checkpoint', JSON.stringify({ version: this.#version, size: actions.length }));
    this.#vacuum();
  }

  #vacuum() {
    const isOld = ({ at = 0 }) => Date.now() - at > KEPT_MS;
    for (const { path } of this.#removed.filter(isOld)) rmSync(join(this.#folder, path), { force: true });
    this.#removed = this.#removed.filter((file) => !isOld(file));
  }

  /** A file of the log appears whole. */
  #appear(/** @type {string} */ name, /** @type {string} */ text) {
    writeFileSync(join(this.#folder, '_delta_log', `${name}.tmp`), text);
    this.#rename(name);
  }

  #rename(/** @type {string} */ name) {
    const file = join(this.#folder, '_delta_log', name);
    renameSync(`${file}.tmp`, file);
  }

  #digits() {
    return String(this.#version).padStart(20, '0');
  }
}

/** Rows as a table of DuckDB. */
function values(/** @type {Row[]} */ rows) {
  const columns = 'id::bigint as id, v::bigint as v, batch::bigint as batch, filler::varchar as filler';
  const lines = rows.map(({ id, v, batch, filler }) => `(${id}, ${v}, ${batch}, '${filler}')`);
  if (lines.length === 0) return `(select ${columns} from (values (0, 0, 0, '')) r(id, v, batch, filler) limit 0)`;
  return `(select ${columns} from (values ${lines.join(', ')}) r(id, v, batch, filler))`;
}
