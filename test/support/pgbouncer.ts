import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findFreePort } from '../../src/embedded/free-port.js';

/** Whether PgBouncer can be started here; says so if not. */
export async function hasPgBouncer(test: string): Promise<boolean> {
  const isInstalled = await promisify(execFile)('pgbouncer', ['--version']).then(
    () => true,
    () => false,
  );
  if (!isInstalled) process.stderr.write(`${test} is skipped: pgbouncer is not installed\n`);
  return isInstalled;
}

export interface PgBouncerOptions {
  /** The database behind it, with the login that both sides use. */
  readonly url: string;
  readonly mode: 'session' | 'transaction' | 'statement';
  readonly poolSize: number;
}

export interface PgBouncer extends AsyncDisposable {
  /** The connection string, by way of the pooler. */
  readonly url: string;
  /** Ends it and starts it again: all connections are lost. */
  restart(): Promise<void>;
}

const START_MS_MAX = 20_000;

/** A PgBouncer before one database. */
export async function startPgBouncer({ url, mode, poolSize }: PgBouncerOptions): Promise<PgBouncer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'synced-tables-pooler-'));
  await chmod(folder, 0o777); // pgbouncer refuses to run as root
  const target = new URL(url);
  const port = await findFreePort();
  const users = path.join(folder, 'users.txt');
  await writeFile(users, `"${target.username}" "${target.password}"\n`);
  const file = path.join(folder, 'pooler.ini');
  await writeFile(
    file,
    `[databases]
* = host=${target.hostname} port=${target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = ${poolSize}
server_reset_query = DISCARD ALL
ignore_startup_parameters = extra_float_digits
`,
  );
  const user = process.getuid?.() === 0 ? ['--user=nobody'] : [];
  const start = async (): Promise<ChildProcess> => {
    const child = spawn('pgbouncer', [...user, file], { stdio: 'ignore' });
    for (const deadline = Date.now() + START_MS_MAX; !(await isListening(port)); await sleep(50)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error('pgbouncer has not started');
    }
    return child;
  };
  let child = await start();
  const stop = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const own = new URL(url);
  own.host = `127.0.0.1:${port}`;
  return {
    url: own.href,
    async restart() {
      await stop();
      child = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
