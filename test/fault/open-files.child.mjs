// Run under a low limit of open files: takes all that are left, then gives back one after another, and prints what each
// kind of work says at each step.
import { closeSync, openSync } from 'node:fs';
import { openLake } from '../../dist/cli/connect/open-lake.js';
import { openCopyStream } from '../../dist/lake/engine/copy-stream.js';
import { openSession } from '../../dist/postgres/session/session.js';
import { settingsSchema } from '../../dist/settings/settings-schema.js';
import { explainAnyError } from '../../dist/sync/source/load-errors.js';
import { previewSource } from '../../dist/sync/source/preview-source.js';

const [, , root, temporaryFolder] = process.argv;
const settings = settingsSchema.parse({
  catalogs: { lake: { kind: 'path', root } },
  engine: { temporary_folder: temporaryFolder },
});
const lake = await openLake(settings);

const work = {
  async read() {
    const { rowCount } = await previewSource(await lake.catalogs.open('lake.o.t'), []);
    return String(rowCount);
  },
  async copy() {
    const connection = await lake.engine.connect();
    try {
      const { bytes, finished } = await openCopyStream(connection, 'select 1 as a', 'csv', lake.engine.scratchFolder);
      let length = 0;
      for await (const chunk of bytes) length += chunk.length;
      return `${await finished} ${length > 0}`;
    } finally {
      connection.closeSync();
    }
  },
  async connect() {
    await openSession({ url: 'postgres://u@127.0.0.1:1/d', applicationName: 'test', role: null });
    return 'connected';
  },
};

async function outcomeOf(kind) {
  try {
    return await work[kind]();
  } catch (error) {
    const { code, message } = explainAnyError(error, { fullName: 'o.t', source: 'lake.o.t' });
    return code === 'OPEN_FILES_LIMIT' || code === 'POSTGRES_UNREACHABLE' ? code : `${code}: ${message}`;
  }
}

// What is loaded or made on first use is there from now on.
for (const kind of Object.keys(work)) await outcomeOf(kind);
const taken = [];
try {
  for (;;) taken.push(openSync('/dev/null'));
} catch {}
const steps = [];
for (let free = 0; free < 12; free++) {
  const step = {};
  for (const kind of Object.keys(work)) step[kind] = await outcomeOf(kind);
  steps.push(step);
  closeSync(taken.pop());
}
for (const each of taken) closeSync(each);
await lake[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(steps));
