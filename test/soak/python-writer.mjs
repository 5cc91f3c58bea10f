// @ts-check
// Commits by the Python package deltalake, in a process of its own: see deltalake_writer.py.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** @typedef {import('./workload.mjs').Row} Row */
/** @typedef {import('./workload.mjs').Commit} Commit */
/**
 * Writes the tables of one lake. Both calls return the newest version of the table.
 * @typedef {AsyncDisposable & {
 *   create(table: string, rows: Row[]): Promise<number>,
 *   commit(table: string, what: Commit): Promise<number>,
 * }} Writer
 */

/** @returns {Promise<Writer>} */
export async function startPythonWriter(/** @type {string} */ python, /** @type {string} */ lake) {
  const program = join(import.meta.dirname, 'deltalake_writer.py');
  const child = spawn(python, [program, lake], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** @returns {Promise<number>} */
  const ask = async (/** @type {object} */ request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value } = await replies.next();
    if (value === undefined) throw new Error('the Python writer has ended');
    return Number(value);
  };
  return {
    create: (table, rows) => ask({ table, op: 'create', rows }),
    commit: (table, what) => ask({ table, ...what }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
