import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { assembleExtension, extensionDir } from './extension-files.js';

/** Writes the extension's files into sql/databricks_auth, or checks with `--check` that they are what is there. */
const isCheck = process.argv.includes('--check');
await mkdir(extensionDir, { recursive: true });
for (const { name, text } of await assembleExtension()) {
  const file = path.join(extensionDir, name);
  if (!isCheck) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`sql/databricks_auth/${name} is not what its sources make of it: npm run extension\n`);
    process.exitCode = 1;
  }
}
