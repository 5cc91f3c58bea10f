import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { examine } from '../../src/doctor/examine.js';
import { createLogger } from '../../src/observability/logger.js';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { startSidecar } from '../../src/sidecar/sidecar.js';
import { ensureBuilt } from './ensure-built.js';

export interface TestSidecarOptions {
  /** Connects to the one database that is looked after. */
  readonly url: string;
  /** Root of the catalog `lake`. */
  readonly lakeRoot: string;
  /** Where the engine keeps its scratch folder, and a child its settings. */
  readonly folder: string;
  /** Instead of the one at `lakeRoot`. */
  readonly catalogs?: object;
  readonly storage?: object;
  /** Settings of the engine besides its folder. */
  readonly engine?: object;
  readonly connections?: number;
  readonly concurrentUpdates?: number;
  /** Setting sync.sessions. */
  readonly sessions?: number;
  readonly leaseSeconds?: number;
  readonly pollSeconds?: number;
  /** Settings of api.oidc. */
  readonly oidc?: object;
  /** More instances than `local`, as settings have them. */
  readonly instances?: object;
  readonly apiHost?: string;
  /** Setting api.first_token. */
  readonly firstToken?: object;
  /** Setting api.public_url. */
  readonly publicUrl?: string;
  /** Takes the lines of the log, all levels, of a sidecar inside the process of the test. */
  readonly onLog?: (line: string) => void;
  /** Folder of pipeline files. */
  readonly pipelineFolder?: string;
  /** Settings of the files of callers. */
  readonly workspace?: object;
  /** Setting notices. */
  readonly notices?: object;
  /** Settings of the web page. */
  readonly console?: object;
  /** What a child is started with, such as `ip netns exec NAME`. */
  readonly startedBy?: readonly string[];
}

function settingsInput(options: TestSidecarOptions): object {
  return {
    instances: { local: { url: options.url }, ...options.instances },
    catalogs: options.catalogs ?? { lake: { kind: 'path', root: options.lakeRoot } },
    storage: options.storage ?? {},
    api: {
      port: 0,
      ...(options.oidc === undefined ? {} : { oidc: options.oidc }),
      ...(options.apiHost === undefined ? {} : { host: options.apiHost }),
      ...(options.firstToken === undefined ? {} : { first_token: options.firstToken }),
      ...(options.publicUrl === undefined ? {} : { public_url: options.publicUrl }),
    },
    console: options.console ?? {},
    notices: options.notices ?? {},
    engine: { temporary_folder: options.folder, ...options.engine },
    pipelines: options.pipelineFolder === undefined ? {} : { folder: options.pipelineFolder },
    workspace: options.workspace ?? {},
    sync: {
      connections: options.connections ?? 1,
      concurrent_updates: options.concurrentUpdates ?? 2,
      ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
      lease_seconds: options.leaseSeconds ?? 30,
      poll_seconds: options.pollSeconds ?? 10,
    },
    log: { level: process.env.TEST_SIDECAR_LOG ?? 'silent' },
  };
}

/** A sidecar inside the process of the test. TEST_SIDECAR_LOG=info shows what it does. */
export async function startTestSidecar(
  options: TestSidecarOptions,
): Promise<AsyncDisposable & { readonly url: string }> {
  const settings = settingsSchema.parse(settingsInput(options));
  const { onLog } = options;
  const logger = onLog ? createLogger('trace', { write: onLog }) : createLogger(settings.log.level);
  const sidecar = await startSidecar({ settings, logger, portOption: 'api.port', examine });
  let stopped: Promise<void> | null = null;
  return {
    url: sidecar.url,
    [Symbol.asyncDispose]: () => {
      stopped ??= sidecar.stop();
      return stopped;
    },
  };
}

/** A sidecar as users run it: `synced-tables serve` in a process of its own. */
export interface SidecarProcess extends AsyncDisposable {
  readonly pid: number;
  /** Lines of its log, one JSON object each. */
  readonly log: readonly string[];
  /** Settles with exit code or signal. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Sends a signal to this process alone. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Asks it to stop, and fails if it does not. */
  stop(): Promise<void>;
}

let settingsFiles = 0;
/** Importing everything takes a second; on machines that run many tests at once, more than twenty were seen. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 60_000;

export async function spawnSidecar(options: TestSidecarOptions): Promise<SidecarProcess> {
  await ensureBuilt();
  const file = path.join(options.folder, `settings-${++settingsFiles}.json`);
  const settings = { ...settingsInput(options), log: { level: 'info' } };
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const program = path.resolve(import.meta.dirname, '../../bin/synced-tables.cjs');
  const [command = process.execPath, ...args] = [...(options.startedBy ?? []), process.execPath, program, 'serve'];
  const child = spawn(command, [...args, '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1));
  });
  const log: string[] = [];
  await started(child, log, exited);
  rmSync(file);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    pid: child.pid ?? -1,
    log,
    exited,
    signal: (signal) => void child.kill(signal),
    kill,
    stop: async () => {
      child.kill('SIGTERM');
      const end = await Promise.race([exited, after(STOP_MS_MAX)]);
      if (end !== 0) throw new Error(`the sidecar ended with ${end ?? 'nothing'} after SIGTERM:\n${log.join('\n')}`);
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function started(child: ChildProcess, log: string[], exited: Promise<unknown>): Promise<void> {
  const isUp = new Promise<boolean>((resolve) => {
    if (!child.stderr) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      if (process.env.TEST_SIDECAR_LOG) console.info(line);
      if (line.includes('sidecar started')) resolve(true);
    });
  });
  const result = await Promise.race([isUp, exited.then(() => false), after(START_MS_MAX)]);
  if (result) return;
  child.kill('SIGKILL');
  throw new Error(`the sidecar did not start:\n${log.join('\n')}`);
}

/** Fulfils with undefined; does not keep the process alive. */
function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}

/** Names of scratch folders that engines made in `folder` and have not removed. */
export function scratchFolders(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('synced-tables-'));
}
