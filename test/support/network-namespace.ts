import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = (...words: string[]) => run('ip', words);

/** A network of its own, joined to ours by one cable, on which packets can really be lost (Linux, root, iproute2). */
export class NetworkNamespace implements AsyncDisposable {
  /** Our end of the cable. */
  readonly host: string;
  /** Starts a program inside. */
  readonly startedBy: readonly string[];
  readonly #name: string;

  private constructor(name: string, host: string) {
    this.#name = name;
    this.host = host;
    this.startedBy = ['ip', 'netns', 'exec', name];
  }

  /** Null where there is none to be had. */
  static async create(): Promise<NetworkNamespace | null> {
    const id = randomBytes(2).readUInt16BE();
    const name = `lossy${id}`;
    // A network for documentation and tests (RFC 2544).
    const net = `198.18.${id >> 8}.`;
    const first = (id & 0x3f) * 4;
    const namespace = new NetworkNamespace(name, `${net}${first + 1}`);
    try {
      await ip('netns', 'add', name);
      await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'inside', 'netns', name);
      await ip('addr', 'add', `${namespace.host}/30`, 'dev', name);
      await ip('link', 'set', name, 'up');
      await namespace.#inside('addr', 'add', `${net}${first + 2}/30`, 'dev', 'inside');
      await namespace.#inside('link', 'set', 'inside', 'up');
      await namespace.#inside('link', 'set', 'lo', 'up');
      await namespace.losePacketsOf([1]);
      return namespace;
    } catch {
      await namespace[Symbol.asyncDispose]();
      return null;
    }
  }

  #inside(...words: string[]) {
    return ip('-n', this.#name, ...words);
  }

  /** From now on nothing leaves these ports. */
  async losePacketsOf(ports: readonly number[]): Promise<void> {
    for (const port of ports) await this.#inside('rule', 'add', 'ipproto', 'tcp', 'sport', String(port), 'blackhole');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its end of the cable goes with it.
    await ip('netns', 'del', this.#name).catch(() => {});
    await ip('link', 'del', this.#name).catch(() => {});
  }
}
