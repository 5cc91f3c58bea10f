import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensureBuilt } from './ensure-built.js';

const run = promisify(execFile);
const PROGRAM = path.resolve(import.meta.dirname, '../../bin/synced-tables.cjs');
/** SNIPPET_PYTHON names a Python that has databricks-sdk and psycopg, for example of a virtual environment. */
const python = process.env.SNIPPET_PYTHON ?? 'python3';

/** Whether this machine has what runs a kind of snippet. */
async function has(program: string, ...args: string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  );
}

export const hasPsql = await has('psql', '--version');
export const hasSdk = await has(python, '-c', 'import databricks.sdk');
export const hasPsycopg = await has(python, '-c', 'import psycopg');

interface RunnerPlace {
  /** Connection string, for SQL. */
  readonly url: string;
  /** Settings of the command line, in YAML or JSON. */
  readonly settings: string;
  readonly token: string;
}

interface Start {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs what people copy, each form with the program that it is for and nothing around it but settings and token. */
export class SnippetRunner implements Disposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'test-snippets-'));
  readonly #url: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor({ url, settings, token }: RunnerPlace) {
    this.#url = url;
    const program = path.join(this.#folder, 'synced-tables');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
    chmodSync(program, 0o755);
    const config = path.join(this.#folder, 'settings.yaml');
    writeFileSync(config, settings);
    this.#environment = {
      PATH: `${this.#folder}:${process.env.PATH}`,
      HOME: this.#folder,
      SYNCED_TABLES_CONFIG: config,
      DATABRICKS_TOKEN: token,
    };
  }

  static async create(place: RunnerPlace): Promise<SnippetRunner> {
    await ensureBuilt();
    return new SnippetRunner(place);
  }

  /** Runs a snippet; returns what it printed, and throws with what it said if it failed. */
  async run(form: string, text: string): Promise<string> {
    switch (form) {
      case 'SQL':
        return this.#start('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '--csv', '-d', this.#url], { input: text });
      case 'CLI':
        return this.#start('bash', ['-euc', text]);
      case 'curl':
        return refusalsOf(text, await this.#start('bash', ['-euc', text]));
      case 'Python':
        return this.#start(python, ['-c', text]);
      default:
        throw new Error(`nothing runs ${form}`);
    }
  }

  /** Runs a shell line, with more in its environment. */
  shell(text: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.#start('bash', ['-euc', text], { environment });
  }

  /** Runs a module of Node that finds the packages of this project. */
  node(text: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const link = path.join(this.#folder, 'node_modules');
    if (!existsSync(link)) symlinkSync(path.resolve(import.meta.dirname, '../../node_modules'), link);
    return this.#start(process.execPath, ['--input-type=module', '-e', text], { environment });
  }

  python(text: string, environment: Readonly<Record<string, string>>): Promise<string> {
    return this.#start(python, ['-c', text], { environment });
  }

  async #start(program: string, args: string[], { input = '', environment = {} }: Start = {}): Promise<string> {
    const env = { ...this.#environment, ...environment };
    const running = run(program, args, { cwd: this.#folder, env, timeout: 120_000 });
    running.child.stdin?.end(input);
    try {
      return (await running).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`this failed:\n${input || args.at(-1)}\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** curl ends well whatever the server says; so its replies are looked at. */
function refusalsOf(text: string, replies: string): string {
  if (/"details":\[\{"@type":/.test(replies)) throw new Error(`this was refused:\n${text}\n${replies}`);
  return replies;
}
