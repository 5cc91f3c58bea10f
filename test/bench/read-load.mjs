// @ts-check
// node test/bench/read-load.mjs URL TABLE ROWS CLIENTS
//
// Reads single rows of a table all the time, in a process of its own so that its processor time is nobody's. Each line on
// its standard input is answered by one line of JSON: how long reads took since the one before.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { quantile, rounded } from './bench-sidecar.mjs';

const [url = '', table = '', rows = '0', clients = '1'] = process.argv.slice(2);
/** What an application does between two of its reads. */
const THINK_MS = 5;
/** @type {number[]} */
let took = [];
let isOver = false;

async function read() {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!isOver) {
    const id = Math.floor(Math.random() * Number(rows));
    const startedAt = performance.now();
    const { rowCount } = await client.query({
      name: 'read',
      text: `select * from ${table} where id = $1`,
      values: [id],
    });
    took.push(performance.now() - startedAt);
    if (rowCount !== 1) throw new Error(`row ${id} of ${table} was not there`);
    await sleep(THINK_MS);
  }
  await client.end();
}

const reading = Promise.all(Array.from({ length: Number(clients) }, read));
reading.catch((error) => {
  console.error(error);
  process.exit(1);
});
for await (const _ of createInterface({ input: process.stdin })) {
  const all = took;
  took = [];
  console.log(
    JSON.stringify({
      reads: all.length,
      p50_ms: rounded(quantile(all, 0.5)),
      p99_ms: rounded(quantile(all, 0.99)),
      longest_ms: rounded(all.reduce((longest, each) => Math.max(longest, each), 0)),
    }),
  );
}
isOver = true;
await reading;
