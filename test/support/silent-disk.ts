import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A mount that shows a folder, and can stop answering as a network mount does (Linux, bindfs). */
export class SilentDisk implements AsyncDisposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'silent-disk-'));
  readonly #process: ChildProcess;

  private constructor(folder: string) {
    const options = ['-f', '--no-allow-other', folder, this.root];
    this.#process = spawn('bindfs', options, { stdio: 'ignore' });
  }

  /** Null where there is none to be had. */
  static async create(folder: string): Promise<SilentDisk | null> {
    try {
      execFileSync('bindfs', ['--version'], { stdio: 'ignore' });
    } catch {
      return null;
    }
    const disk = new SilentDisk(folder);
    const { dev } = statSync(path.dirname(disk.root));
    while (disk.#process.exitCode === null) {
      if (statSync(disk.root).dev !== dev) return disk;
      await sleep(20);
    }
    rmSync(disk.root, { recursive: true });
    return null;
  }

  fallSilent(): void {
    this.#process.kill('SIGSTOP');
  }

  answer(): void {
    this.#process.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.answer();
    const ended = once(this.#process, 'exit');
    execFileSync('fusermount', ['-u', '-z', this.root]);
    this.#process.kill('SIGTERM');
    await ended;
    rmSync(this.root, { recursive: true });
  }
}
