import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { canEnter, findServerAccount } from './server-account.js';

/** Where root keeps clusters if the server's user cannot enter the wanted folder. */
const rootDataDir = '/var/lib/synced-tables';

/**
 * Returns `preferred` if the server can work there. Root's server runs as another user, who may not enter folders such
 * as /root; then a folder below /var/lib is returned, always the same for the same `preferred`.
 */
export async function chooseDataDir(preferred: string): Promise<string> {
  const wanted = path.resolve(preferred);
  const account = findServerAccount(wanted);
  let parent = path.dirname(wanted);
  while (!existsSync(parent)) parent = path.dirname(parent);
  if (account === null || (await canEnter(parent, account))) return wanted;
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  return path.join(rootDataDir, `${path.basename(wanted)}-${key}`);
}
