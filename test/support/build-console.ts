import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');

/** Before the tests of the console: builds it, unless it is as new as its sources. */
export async function setup(): Promise<void> {
  const source = path.join(root, 'src/console');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const newest = Math.max(...files.map((file) => statSync(path.join(source, file)).mtimeMs));
  const page = statSync(path.join(root, 'dist/console/index.html'), { throwIfNoEntry: false });
  if (page !== undefined && page.mtimeMs >= newest) return;
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '--config', path.join(source, 'vite.config.ts')]);
}
