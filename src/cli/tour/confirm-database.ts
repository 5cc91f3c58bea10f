import { createInterface } from 'node:readline/promises';
import { describeServer } from '../../core/postgres-url.js';
import { readInstalledSchema } from '../../postgres/install/installed-schema.js';
import { openShortSession } from '../../postgres/session/short-session.js';

export interface ConfirmOptions {
  /** False: what will be done is said, and nobody is asked. */
  readonly isAsked: boolean;
  readonly say: (text: string) => void;
}

/**
 * Says that the tour uses a database that was not made for it, and what it will leave there. Where somebody sits at a
 * terminal and nothing is installed yet, they decide: DATABASE_URL may be set in a shell for another purpose.
 * @throws POSTGRES_UNREACHABLE and what a session throws
 */
export async function mayUse(url: string, { isAsked, say }: ConfirmOptions): Promise<boolean> {
  const place = `the Postgres of DATABASE_URL, ${describeServer(url)}`;
  if (await isInstalled(url)) {
    say(`Using ${place}.`);
    return true;
  }
  say(`Using ${place}. Synced tables are not installed there yet: this creates the roles databricks_…, schemas for the
SQL side, and one synced table with its schema. Without DATABASE_URL the quickstart starts a server of its own.`);
  if (!isAsked || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const isYes = await agrees('Install it there? [y/N] ');
  if (!isYes) say('Nothing was changed.');
  return isYes;
}

/** Ctrl-C and Ctrl-D mean no. */
async function agrees(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  for (const event of ['SIGINT', 'close']) terminal.once(event, () => ended.abort());
  try {
    const answer = await terminal.question(question, { signal: ended.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    terminal.close();
  }
}

async function isInstalled(url: string): Promise<boolean> {
  const client = await openShortSession({ url, applicationName: 'synced-tables quickstart', role: null });
  try {
    return (await readInstalledSchema(client)) !== null;
  } finally {
    await client.end();
  }
}
