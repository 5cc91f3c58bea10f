// npm run check: everything that can be checked without a server. Its parts run in parallel, one per core. The first
// failure stops the others; its output comes last, with what to do about it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/**
 * One of the checks, in the order in which they start.
 * @typedef {object} Part
 * @property {string} name
 * @property {string} command run in the root of the repository, with the programs of node_modules/.bin
 * @property {string} [mend] what to do when it fails, if the output does not say so
 * @property {string} [after] the part whose result it needs
 */
/** @type {Part[]} */
const parts = [
  { name: 'build', command: 'tsc -p tsconfig.build.json' },
  { name: 'lint and format', command: 'biome ci .', mend: 'npm run format fixes formatting and the order of imports.' },
  { name: 'types', command: 'tsc -p tsconfig.json' },
  { name: 'types of the console', command: 'tsc -p src/console' },
  { name: 'types of its tests', command: 'tsc -p test/console' },
  { name: 'console', command: 'vite build --config src/console/vite.config.ts' },
  { name: 'unused code', command: 'knip' },
  { name: 'code that only tests use', command: 'knip --production' },
  { name: 'grammar', command: 'node scripts/write-parser.mjs --check' },
  { name: 'error reference', command: 'node dist/docs/write-error-reference.js --check', after: 'build' },
  { name: 'SQL reference', command: 'node dist/docs/write-sql-reference.js --check', after: 'build' },
  { name: 'extension', command: 'node dist/postgres/install/write-extension.js --check', after: 'build' },
];

const stopped = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => stopped.abort(signal));

/**
 * Runs `part` to its end; a stopped part has no output.
 * @param {Part} part
 * @returns {Promise<{ part: Part, passed: boolean, output: string, seconds: number }>}
 */
async function run(part) {
  const startedAt = performance.now();
  const [program = '', ...args] = part.command.split(' ');
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: stopped.signal,
  });
  const output = /** @type {Buffer[]} */ ([]);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.push(bytes));
  child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
  const [exitCode] = await once(child, 'close').catch(() => [null]);
  const seconds = (performance.now() - startedAt) / 1000;
  return { part, passed: exitCode === 0, output: Buffer.concat(output).toString(), seconds };
}

const startedAt = performance.now();
/** @type {Map<string, ReturnType<typeof run>>} */
const running = new Map();
const passed = new Set();
const waiting = [...parts];
while (waiting.length + running.size > 0 && !stopped.signal.aborted) {
  const ready = waiting.findIndex(({ after }) => after === undefined || passed.has(after));
  if (ready >= 0 && running.size < availableParallelism()) {
    const [part] = waiting.splice(ready, 1);
    running.set(part.name, run(part));
    continue;
  }
  const ended = await Promise.race(running.values());
  running.delete(ended.part.name);
  if (stopped.signal.aborted) break;
  if (!ended.passed) {
    stopped.abort();
    const { name, command, mend = '' } = ended.part;
    process.stderr.write(`${ended.output}\nThe check failed: ${name} (${command}). ${mend}\n`);
    process.exitCode = 1;
    break;
  }
  passed.add(ended.part.name);
  process.stdout.write(`${ended.seconds.toFixed(1).padStart(5)} s  ${ended.part.name}\n`);
}
await Promise.all(running.values());
if (passed.size === parts.length) {
  process.stdout.write(`The check passed in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.\n`);
} else {
  process.exitCode = 1;
}
