import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.js';
import { ensureBuilt } from '../support/ensure-built.js';
import { createTestDatabase, eitherPostgresServer } from '../support/postgres.js';
import { runnableBlocks, statementsOf } from '../support/runnable-document.js';

// Goal: what README and guides tell to run runs as it is written, from top to bottom, against a new database: in a folder
// like a fresh clone that was built, with nothing but npm, npx and our own program on the path beside what every system has.

const root = path.resolve(import.meta.dirname, '../..');
const START_MS_MAX = 60_000;

class Walk implements AsyncDisposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'documents-'));
  readonly #shell: ChildProcess;
  readonly #output: string[] = [];
  readonly #background: ChildProcess[] = [];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(url: string, apiPort: number) {
    for (const name of ['node_modules', 'dist', 'package.json', 'bin', 'sql', 'examples', 'docs', 'deploy', 'docker']) {
      symlinkSync(path.join(root, name), path.join(this.folder, name));
    }
    const bin = path.join(this.folder, '.path');
    mkdirSync(bin);
    symlinkSync(path.join(root, 'bin/synced-tables.cjs'), path.join(bin, 'synced-tables'));
    // Installing and building is what the rest of the suite began with.
    writeFileSync(path.join(bin, 'npm'), '#!/bin/sh\ncase "$1" in ci|run) exit 0 ;; *) exit 1 ;; esac\n');
    // As npx runs the program of the package in whose folder it is, without the second that it takes.
    writeFileSync(path.join(bin, 'npx'), '#!/bin/sh\nexec "$@"\n');
    for (const name of ['npm', 'npx']) chmodSync(path.join(bin, name), 0o755);
    this.#environment = {
      PATH: `${bin}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: this.folder,
      DATABASE_URL: url,
      // The port of the documents is taken on some machines.
      SYNCED_TABLES_PORT: String(apiPort),
    };
    this.#shell = spawn('bash', ['-eu'], { cwd: this.folder, env: this.#environment, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#output.push(bytes.toString()));
    }
  }

  get output(): string {
    return this.#output.join('');
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

describe.each(eitherPostgresServer(import.meta.url))('$name', (server) => {
  it.each(['README.md', 'docs/guides/production.md'])('%s runs as it is written', async (document) => {
    await ensureBuilt();
    await using database = await createTestDatabase(server);
    const admin = await database.connect();
    const port = await findFreePort();
    const blocks = runnableBlocks(document);
    expect(blocks.length).toBeGreaterThan(0);
    await using walk = new Walk(database.url, port);
    const here = (text: string) => text.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
    try {
      for (const { kind, language, text, name } of blocks) {
        if (kind === 'file') writeFileSync(path.join(walk.folder, name), text);
        else if (kind === 'background') await walk.start(text.trim());
        else if (language === 'sql') for (const statement of statementsOf(text)) await admin.query(statement);
        else await walk.run(here(text));
      }
    } finally {
      // Roles and what is granted to them are the server's, which other tests share.
      await admin.query('select synced_tables.revoke_token(token_id) from synced_tables.tokens');
      await admin.query('drop role if exists sidecar');
    }
    if (document === 'README.md') {
      expect(walk.output).toContain('"synced_tables":[');
      expect(walk.output).toContain('gold.user_profiles_synced');
    } else {
      expect(walk.output).toContain('created role sidecar, which may run a sidecar');
      expect(readFileSync(path.join(walk.folder, 'sidecar-password'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    }
  });
});
