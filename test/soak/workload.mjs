// @ts-check
// What the soak commits, and what must be there afterwards: a model of every table that is kept in memory.
import { randomBytes } from 'node:crypto';

/** @typedef {{ id: number, v: number, batch: number, filler: string }} Row */
/**
 * @typedef {{ op: 'insert', rows: Row[] }
 *   | { op: 'merge', rows: Row[], gone: number[] }
 *   | { op: 'delete', batch: number }
 *   | { op: 'optimize' }
 *   | { op: 'checkpoint' }} Commit
 */

/** Above this, more is deleted than inserted. */
const ROWS_FULL = 4_000;
const VALUE_MAX = 1_000_000;

const below = (/** @type {number} */ limit) => Math.floor(Math.random() * limit);
/** @template Value @param {readonly Value[]} values @returns {Value} */
const pick = (values) => /** @type {Value} */ (values[below(values.length)]);

/**
 * One table. Its rows belong to batches, and the values of each batch add up to 0 after every commit: a reader who sees
 * anything else has seen part of a commit.
 */
export class TableModel {
  /** Rows by id, by batch. @type {Map<number, Map<number, Row>>} */
  #batches = new Map();
  #nextId = 1;
  #nextBatch = 1;

  /** A random commit; the model has it at once. @returns {Commit} */
  next() {
    const draw = Math.random();
    if (draw < 0.006) return { op: 'optimize' };
    if (draw < 0.022) return { op: 'checkpoint' };
    const isFull = this.rowCount > ROWS_FULL;
    if (this.#batches.size < 5 || draw < (isFull ? 0.2 : 0.4))
      return { op: 'insert', rows: this.addBatch(1 + below(30)) };
    if (draw < (isFull ? 0.4 : 0.57)) return { op: 'delete', batch: this.#dropBatch() };
    return this.#merge();
  }

  /** A new batch of pairs whose values cancel each other out. @returns {Row[]} */
  addBatch(/** @type {number} */ pairs) {
    const batch = this.#nextBatch++;
    /** @type {Map<number, Row>} */
    const rows = new Map();
    for (let n = 0; n < pairs; n++) {
      const value = 1 + below(VALUE_MAX);
      for (const v of [value, -value]) {
        const id = this.#nextId++;
        rows.set(id, { id, v, batch, filler: randomBytes(20).toString('hex') });
      }
    }
    this.#batches.set(batch, rows);
    return [...rows.values()];
  }

  #dropBatch() {
    const batch = pick([...this.#batches.keys()]);
    this.#batches.delete(batch);
    return batch;
  }

  /** Changes, takes out and adds rows of a few batches. @returns {Commit} */
  #merge() {
    const touched = new Set(Array.from({ length: 1 + below(3) }, () => pick([...this.#batches.keys()])));
    /** @type {Row[]} */
    const written = [];
    /** @type {number[]} */
    const gone = [];
    for (const batch of touched) this.#change(batch, written, gone);
    return { op: 'merge', rows: written, gone };
  }

  #change(/** @type {number} */ batch, /** @type {Row[]} */ written, /** @type {number[]} */ gone) {
    const rows = this.#batches.get(batch) ?? new Map();
    let [last, ...others] = [...rows.values()].sort(() => Math.random() - 0.5).slice(0, 2 + below(10));
    if (last === undefined) return;
    // What the others lose or gain, the last one makes up for.
    let rest = 0;
    for (const row of others) {
      if (Math.random() < 0.3) {
        rest += row.v;
        gone.push(row.id);
        rows.delete(row.id);
        continue;
      }
      const v = below(2 * VALUE_MAX) - VALUE_MAX;
      rest += row.v - v;
      written.push({ ...row, v });
    }
    for (let n = below(4); n > 0; n--) {
      const v = below(2 * VALUE_MAX) - VALUE_MAX;
      rest -= v;
      written.push({ id: this.#nextId++, v, batch, filler: randomBytes(20).toString('hex') });
    }
    last = { ...last, v: last.v + rest };
    written.push(last);
    for (const row of written) if (row.batch === batch) rows.set(row.id, row);
  }

  get rowCount() {
    return [...this.#batches.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** All rows as text, one a line, by id. @returns {string[]} */
  lines() {
    const rows = [...this.#batches.values()].flatMap((batch) => [...batch.values()]);
    return rows.sort((a, b) => a.id - b.id).map(({ id, v, batch, filler }) => `${id} ${v} ${batch} ${filler}`);
  }
}
