// @ts-check
// Programs of test/bench/rivals, with the Python that BENCH_PYTHON names.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const python = process.env.BENCH_PYTHON ?? 'python3';

/** Whether the Python has these modules. */
export function hasModules(/** @type {string[]} */ ...names) {
  return spawnSync(python, ['-c', `import ${names.join(', ')}`]).status === 0;
}

/** Runs a program; gives the last line of its output, and tells what it complained of only if it failed. */
export async function runRival(/** @type {string} */ script, /** @type {string[]} */ ...args) {
  const child = spawn(python, [join('test/bench/rivals', script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (bytes) => {
    output += bytes;
  });
  child.stderr.on('data', (bytes) => {
    complaints += bytes;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${script} ${args[0]} ended with ${code}:\n${complaints}`);
  return output.trim().split('\n').at(-1) ?? '';
}
