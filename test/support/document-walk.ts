import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { runnableBlocks, statementsOf } from './runnable-document.js';

const root = path.resolve(import.meta.dirname, '../..');
const START_MS_MAX = 60_000;

export interface WalkOptions {
  /** What a document has, and what is in its place here, such as an address. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly sessions?: Readonly<Record<string, pg.Client>>;
}

/**
 * Does what documents tell to do, in a folder like a fresh clone that was built, with nothing but npm, npx and our own
 * program on the path beside what every system has.
 */
export class DocumentWalk implements AsyncDisposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'documents-'));
  readonly #shell: ChildProcess;
  readonly #output: string[] = [];
  readonly #background: ChildProcess[] = [];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #port: number;

  constructor(url: string, apiPort: number) {
    this.#port = apiPort;
    for (const name of ['node_modules', 'dist', 'package.json', 'bin', 'sql', 'examples', 'docs', 'deploy', 'docker']) {
      symlinkSync(path.join(root, name), path.join(this.folder, name));
    }
    const bin = path.join(this.folder, '.path');
    mkdirSync(bin);
    symlinkSync(path.join(root, 'bin/synced-tables.cjs'), path.join(bin, 'synced-tables'));
    const programs = {
      // Installing and building is what the rest of the suite began with.
      npm: 'case "$1" in ci|run) exit 0 ;; *) exit 1 ;; esac',
      // As npx runs the program of the package in whose folder it is, without the second that it takes.
      npx: 'exec "$@"',
      // A call that is refused is a command that failed.
      curl: 'PATH=/usr/bin:/bin exec curl --fail-with-body --silent --show-error "$@"',
    };
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(path.join(bin, name), 0o755);
    }
    this.#environment = {
      PATH: `${bin}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: this.folder,
      DATABASE_URL: url,
      // The port of the documents is taken on some machines.
      SYNCED_TABLES_PORT: String(apiPort),
    };
    this.#shell = spawn('bash', ['-eu', '-o', 'pipefail'], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#output.push(bytes.toString()));
    }
  }

  /** What all commands have said so far. */
  get output(): string {
    return this.#output.join('');
  }

  /** Does all that a document says how to run, from top to bottom. `admin` runs SQL unless a block says who does. */
  async follow(document: string, admin: pg.Client, { instead = {}, sessions = {} }: WalkOptions = {}): Promise<void> {
    const blocks = runnableBlocks(document);
    if (blocks.length === 0) throw new Error(`${document} has nothing to run`);
    for (const { kind, language, text, name, role } of blocks) {
      const here = Object.entries({ '127.0.0.1:8080': `127.0.0.1:${this.#port}`, ...instead }).reduce(
        (known, [there, value]) => known.replaceAll(there, value),
        text,
      );
      if (kind === 'file') writeFileSync(path.join(this.folder, name), text);
      else if (kind === 'background') await this.start(here.trim());
      // Programs are imported by tests of their own.
      else if (language === 'js') continue;
      else if (language === 'sql') await query(role === null ? admin : sessions[role], document, here);
      else await this.run(here);
    }
  }

  /** Runs a block in the one shell, which keeps its variables. */
  async run(text: string): Promise<void> {
    const mark = `done-${Math.random()}`;
    const ended = once(this.#shell, 'exit').then(() => {
      throw new Error(`failed in:\n${text}\n${this.output}`);
    });
    this.#shell.stdin?.write(`${text}\necho ${mark}\n`);
    const done = (async () => {
      while (!this.output.includes(mark)) await new Promise((resolve) => setTimeout(resolve, 50));
    })();
    await Promise.race([done, ended]);
    ended.catch(() => {});
  }

  /** Starts what goes on, and waits until its log says that it works. */
  async start(text: string): Promise<void> {
    const child = spawn('bash', ['-euc', `exec ${text}`], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#background.push(child);
    let log = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
    const deadline = performance.now() + START_MS_MAX;
    while (!log.includes('sidecar started')) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`does not start:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin?.end();
    this.#shell.kill();
    for (const child of this.#background) {
      if (child.exitCode !== null) continue;
      child.kill();
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function query(client: pg.Client | undefined, document: string, text: string): Promise<void> {
  if (client === undefined) throw new Error(`${document} needs a session of somebody else`);
  for (const statement of statementsOf(text)) {
    await client.query(statement).catch((cause: unknown) => {
      throw new Error(`${document} failed in:\n${statement}\n${(cause as Error).message}`, { cause });
    });
  }
}
