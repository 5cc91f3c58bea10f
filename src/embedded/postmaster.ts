import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { runAs, type ServerAccount } from './server-account.js';

/** How the server is asked to stop; see "Shutting Down the Server" in the PostgreSQL manual. */
export type StopMode = 'fast' | 'immediate';

/** How long a fast stop may write its last checkpoint before it is cut short. */
const fastStopMsLimit = 30_000;
const immediateStopMsLimit = 10_000;
/** Lines kept to explain why a server ended unexpectedly. */
const keptLinesLimit = 20;

export interface PostmasterOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly account: ServerAccount | null;
  readonly log: (line: string) => void;
}

/** The process of one running server. */
export class Postmaster {
  /** Settles when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #hasEnded = false;

  constructor({ program, args, account, log }: PostmasterOptions) {
    // Detached: a Ctrl-C in the terminal must reach us, so that we stop the server in order, and not the server first.
    const child = spawn(program, args, { ...runAs(account), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    const keep = (line: string): void => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > keptLinesLimit) this.#lastLines.shift();
      log(line);
    };
    const linesRead = Promise.all([child.stdout, child.stderr].map((output) => readLines(output, keep)));
    const watcher = child.pid === undefined ? null : endWithUs(child.pid);
    this.ended = new Promise((resolve) => {
      // "exit" and not "close": orphaned backends of a killed postmaster hold its output open for a while.
      child.once('exit', resolve);
      child.once('error', (error) => {
        keep(error.message);
        resolve(null);
      });
    }).then(async () => {
      this.#hasEnded = true;
      watcher?.kill('SIGKILL');
      await Promise.race([linesRead, sleep(1000)]);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The newest lines of the server's log, oldest first. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Stops the server within about 45 seconds: as requested, then harder. Resolves when the process is gone. */
  async stop(mode: StopMode): Promise<void> {
    if (mode === 'fast' && (await this.#signal('SIGINT', fastStopMsLimit))) return;
    if (await this.#signal('SIGQUIT', immediateStopMsLimit)) return;
    await this.kill();
  }

  /** Kills the server as a crash would. */
  async kill(): Promise<void> {
    if (await this.#signal('SIGKILL', immediateStopMsLimit)) return;
    throw new Error(`process ${this.pid} of the PostgreSQL server does not end`);
  }

  /** Sends `signal` and waits; returns whether the process ended in time. */
  async #signal(signal: NodeJS.Signals, waitMsLimit: number): Promise<boolean> {
    if (!this.#hasEnded) this.#child.kill(signal);
    const timer = new AbortController();
    const timeout = sleep(waitMsLimit, timer.signal).then(() => false);
    const ended = await Promise.race([this.ended.then(() => true), timeout]);
    timer.abort();
    return ended;
  }
}

/**
 * A shell that waits on a pipe from us. However our process ends, even by kill -9, the pipe closes and the shell stops
 * the server; without it a crashed run would leave servers behind.
 */
function endWithUs(serverPid: number): ChildProcess {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(serverPid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
  });
  watcher.once('error', () => {}); // no /bin/sh: the server is still ended by stop()
  watcher.unref(); // must not keep our process alive
  return watcher;
}

async function readLines(output: Readable | null, keep: (line: string) => void): Promise<void> {
  if (output === null) return;
  for await (const line of createInterface({ input: output })) keep(line);
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    timer.unref();
    signal?.addEventListener('abort', () => clearTimeout(timer));
  });
}
