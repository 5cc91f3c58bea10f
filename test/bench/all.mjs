// @ts-check
// npm run bench [-- --quick] [--only NAME,…] [--out FOLDER] [--resume]
//
// All benchmarks, one after another, each as `npm run bench:NAME` runs it. Prints their figures as Markdown, and writes them to
// FOLDER (default: bench-results) as Markdown and JSON, with machine and versions, whenever one has ended. Takes hours; --quick says
// whether they work and little else. --resume keeps what FOLDER has of this machine and this commit. Nothing else should run meanwhile.
// Those that need programs of others (BENCH_PYTHON, see test/bench/rivals/requirements.txt) are named and left out where those are missing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MACHINE } from './machine.mjs';
import { hasModules } from './rivals.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: 'bench-results' },
    resume: { type: 'boolean', default: false },
  },
});

/** @typedef {{ name: string, title: string, script: string, full: string[], quick: string[], isText?: true, needs?: 'rivals' }} Benchmark */

/** @typedef {{ name: string, title: string, started_at: string, seconds: number, result: any }} Result */

/** @type {Benchmark[]} */
const BENCHMARKS = [
  {
    name: 'compare',
    title: 'First load and refresh, narrow, against what people would use instead',
    script: 'compare.mjs',
    full: [],
    quick: ['--rows', '100000'],
    needs: 'rivals',
  },
  {
    name: 'compare-wide',
    title: 'The same with 55 columns',
    script: 'compare.mjs',
    full: ['--rows', '200000', '--wide', '6'],
    quick: ['--rows', '20000', '--wide', '6'],
    needs: 'rivals',
  },
  {
    name: 'compare-readers',
    title: 'The same while eight sessions read the table that is refreshed',
    script: 'compare.mjs',
    full: ['--rows', '5000000', '--readers', '8', '--only', 'refresh,DuckDB,ADBC'],
    quick: ['--rows', '100000', '--readers', '8', '--only', 'refresh,DuckDB'],
    needs: 'rivals',
  },
  ...[1, 4, 16].map((connections) => ({
    name: `snapshot-${connections}`,
    title: `First load of 12 columns, two of them nested, over ${connections} connection(s), against raw COPY`,
    script: 'snapshot.mjs',
    full: ['--rows', '5000000', '--connections', String(connections)],
    quick: ['--rows', '100000', '--connections', String(connections)],
  })),
  {
    name: 'changes',
    title: 'Changes to ten million rows, against the bare DML',
    script: 'changes.mjs',
    full: ['--rows', '10000000', '--changes', '1000,100000,1000000', '--rounds', '3'],
    quick: ['--rows', '200000', '--changes', '1000,10000'],
  },
  {
    name: 'latency',
    title: 'One row, from commit to visible',
    script: 'latency.mjs',
    full: [],
    quick: ['--commits', '50'],
  },
  {
    name: 'log',
    title: 'A log of 10,000 commits',
    script: 'long-log.mjs',
    full: [],
    quick: ['--commits', '300', '--rows', '10000'],
  },
  {
    name: 'reads',
    title: 'Reading a synced table, against a plain one',
    script: 'reads.mjs',
    full: [],
    quick: ['--rows', '50000', '--reads', '300', '--rounds', '3', '--clients', '1,4'],
  },
  {
    name: 'auto-cdc',
    title: 'APPLY CHANGES into SCD type 1 and 2, against the plain upsert of the final state',
    script: 'auto-cdc.mjs',
    full: [],
    quick: ['--events', '20000', '--keys', '2000', '--batch', '5000'],
  },
  ...[1, 10, 100].map((tables) => ({
    name: `many-${tables}`,
    title: `${tables} followed table(s) beside an application`,
    script: 'many.mjs',
    full: ['--tables', String(tables), '--think-ms', '60', '--seconds', '30'],
    quick: ['--tables', String(tables), '--think-ms', '60', '--seconds', '5'],
  })),
  {
    name: 'many',
    title: 'A thousand followed tables beside an application',
    script: 'many.mjs',
    full: ['--tables', '1000', '--think-ms', '60', '--seconds', '60', '--sidecars', '3'],
    quick: ['--tables', '30', '--think-ms', '60', '--seconds', '10', '--sidecars', '2'],
  },
  {
    name: 'fairness',
    title: 'A quiet table beside floods',
    script: 'fairness.mjs',
    full: [],
    quick: ['--commits', '20'],
  },
  {
    name: 'registry',
    title: 'Status, lists and metrics of many tables',
    script: 'registry.mjs',
    full: [],
    quick: ['--tables', '100', '--updates', '10000'],
  },
  {
    name: 'sources',
    title: 'Iceberg and views against Delta',
    script: 'sources.mjs',
    full: [],
    quick: ['--rows', '100000', '--view-rows', '100000'],
  },
  { name: 'flows', title: 'Continuous APPLY CHANGES', script: 'flows.mjs', full: [], quick: ['--events', '2000'] },
  {
    name: 'verify',
    title: 'Proof that copy and source are equal',
    script: 'verify.mjs',
    full: [],
    quick: ['--rows', '100000'],
  },
  {
    name: 'bloat',
    title: 'Growth of a table that changes all the time',
    script: 'bloat.mjs',
    full: [],
    quick: ['--rows', '20000', '--updates', '5'],
  },
  {
    name: 'guard',
    title: 'What the guard costs everybody else',
    script: 'guard-cost.mjs',
    full: [],
    quick: [],
    isText: true,
  },
  {
    name: 'hand',
    title: 'What noticing writes by hand costs',
    script: 'hand-writes.mjs',
    full: [],
    quick: [],
    isText: true,
  },
];

const hasRivals = hasModules('deltalake', 'duckdb', 'psycopg', 'dlt', 'adbc_driver_postgresql');

/** Its last line as JSON, or all it says. */
async function measure(/** @type {Benchmark} */ { script, full, quick, isText }) {
  const args = [join('test/bench', script), ...(values.quick ? quick : full), ...(isText ? [] : ['--json'])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (bytes) => {
    output += bytes;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  const text = output.trim();
  return isText ? { text } : JSON.parse(text.split('\n').at(-1) ?? '');
}

/** Every figure by its path, such as `idle.sidecar_cpu_percent`; of lists of records, nothing. */
function figuresOf(/** @type {unknown} */ value, path = '') {
  /** @type {[path: string, figure: string][]} */
  const figures = [];
  if (value === null || typeof value !== 'object') return [[path, String(value)]];
  if (isList(value)) return [];
  for (const [key, part] of Object.entries(value)) {
    figures.push(.../** @type {[string, string][]} */ (figuresOf(part, path === '' ? key : `${path}.${key}`)));
  }
  return figures;
}

function isList(/** @type {unknown} */ value) {
  return Array.isArray(value) && value.length > 0 && value.every((each) => each !== null && typeof each === 'object');
}

function tableOf(/** @type {string[]} */ heads, /** @type {string[][]} */ rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map((_, n) => (n === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function markdownOf(/** @type {Pick<Result, 'title' | 'result'>[]} */ results) {
  return results
    .map(({ title, result }) => {
      if (typeof result.text === 'string') return `## ${title}\n\n\`\`\`\n${result.text}\n\`\`\``;
      const lists = Object.values(result)
        .filter(isList)
        .map((/** @type {any} */ list) => {
          const heads = Object.keys(list[0]);
          return tableOf(
            heads,
            list.map((/** @type {any} */ each) => heads.map((head) => String(each[head]))),
          );
        });
      const figures = figuresOf(result);
      const table = figures.length === 0 ? [] : [tableOf(['figure', 'value'], figures)];
      return [`## ${title}`, ...table, ...lists].join('\n\n');
    })
    .join('\n\n');
}

const wanted = BENCHMARKS.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name));
if (wanted.length === 0) throw new Error(`choose from ${BENCHMARKS.map(({ name }) => name).join(', ')}`);

/** What figures have to agree in, or they are not of one run. */
const run = { machine: MACHINE, commit: commitNow(), isQuick: values.quick };
const out = join(values.out, 'figures');
/** @type {Result[]} */
const results = values.resume ? resultsSoFar() : [];
/** @type {string[]} */
const failures = [];
mkdirSync(values.out, { recursive: true });
for (const benchmark of wanted) {
  const { name, title } = benchmark;
  if (results.some((result) => result.name === name)) continue;
  if (benchmark.needs === 'rivals' && !hasRivals) {
    console.error(`${name}: skipped, BENCH_PYTHON has no rivals (test/bench/rivals/requirements.txt)`);
    continue;
  }
  console.error(`${name}: ${title}`);
  try {
    const startedAt = Date.now();
    const result = await measure(benchmark);
    const seconds = (Date.now() - startedAt) / 1000;
    results.push({ name, title, started_at: new Date(startedAt).toISOString(), seconds, result });
  } catch (error) {
    // The others still have something to say.
    failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    console.error(failures.at(-1));
  }
  writeResults();
}
console.log(writeResults());
if (failures.length > 0) process.exitCode = 1;

/** @returns the Markdown */
function writeResults() {
  const markdown = `${MACHINE}${values.quick ? ', in small' : ''}\n\n${markdownOf(results)}\n`;
  writeFileSync(`${out}.md`, markdown);
  writeFileSync(`${out}.json`, `${JSON.stringify({ ...run, results, failures }, null, 2)}\n`);
  return markdown;
}

/** @returns {Result[]} those that `--out` has of the same run */
function resultsSoFar() {
  if (!existsSync(`${out}.json`)) return [];
  const found = JSON.parse(readFileSync(`${out}.json`, 'utf8'));
  const other = Object.entries(run).find(([key, value]) => found[key] !== value);
  if (other)
    throw new Error(`${out}.json is of another ${other[0]} (${found[other[0]]}): remove it, or choose another --out`);
  return found.results;
}

/** Null outside of a repository. */
function commitNow() {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}
