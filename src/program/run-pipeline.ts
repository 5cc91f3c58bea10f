import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { openEngine } from '../lake/engine/duckdb-engine.js';
import { asRaisedError, isErrorCode } from '../postgres/refusals/raised-error.js';
import {
  readOutcomes,
  readUpdateOutcome,
  startUpdate,
  type TableOutcome,
} from '../postgres/registry/flow-pipelines.js';
import { closeSession, openSession } from '../postgres/session/session.js';
import { requireSession } from '../postgres/session/session-trial.js';
import { loadSettings } from '../settings/load-settings.js';
import { managedDatabases } from '../sidecar/managed-databases.js';
import { openCatalogs } from '../sidecar/open-catalogs.js';
import type { NextSnapshotAndVersion } from '../sync/flows/source/snapshot-function.js';
import { type Declaration, gatherPipeline } from './declare-flows.js';
import { declarePipeline, startPipelineWorker } from './declared-pipeline.js';

export interface RunPipelineOptions {
  /** Identifies the pipeline: the next run under this name continues where this one ended. */
  readonly name: string;
  readonly declarations: readonly Declaration[];
  /** Settings file; by default found in the same way as by the commands. */
  readonly config?: string;
  /** Name of the instance, if the settings have several. */
  readonly instance?: string;
  /** Schema of unqualified tables. Default public. */
  readonly schema?: string;
  /** Forget what was read and rebuild the tables. */
  readonly fullRefresh?: boolean;
  /**
   * Let the database's sidecars continue from here: they run the flows whenever the sources have something new, until
   * the pipeline is run without this option. Not for pipelines with a function as a source. Default false.
   */
  readonly continuous?: boolean;
}

export interface PipelineRun {
  readonly pipelineId: string;
  readonly updateId: string;
  readonly tables: readonly TableOutcome[];
}

const PAUSE_MS = 50;

/**
 * Declares a pipeline and runs one update of it in this process.
 * @throws SyncedTablesError with the code of what is wrong; AggregateError for wrong settings
 */
export async function runPipeline(options: RunPipelineOptions): Promise<PipelineRun> {
  const settings = loadSettings({
    ...(options.config === undefined ? {} : { file: options.config }),
    environment: process.env,
    workingFolder: process.cwd(),
  });
  const databases = managedDatabases(settings);
  const database = databases.find((each) => options.instance === undefined || each.instance === options.instance);
  if (database === undefined) {
    const configured = Object.keys(settings.instances).join(', ');
    throw syncedTablesError('INSTANCE_UNKNOWN', { instance: options.instance ?? '', configured });
  }
  const { pipeline, functions } = gatherPipeline(options.declarations);
  const { memory_limit_mb: memoryLimitMb, threads, temporary_folder: temporaryFolder } = settings.engine;
  const engineOptions = { memoryLimitMb, threads, ...(temporaryFolder === undefined ? {} : { temporaryFolder }) };
  const place = { url: database.url, applicationName: 'synced-tables pipeline' };
  await requireSession(place);
  const client = await openSession({ ...place, role: null });
  try {
    const { name, schema: defaultSchema = 'public' } = options;
    const runsInProgram = functions.size > 0;
    const pipelineId = await declarePipeline({
      client,
      name,
      pipeline,
      defaultSchema,
      runsInProgram,
      isContinuous: options.continuous === true,
    });
    const engine = await openEngine(engineOptions);
    await using _ = engine;
    const catalogs = openCatalogs(settings, engine);
    let failure: unknown = null;
    const onError = (error: unknown) => {
      failure = error;
    };
    const shared = { url: database.url, pipelineId, engine, catalogs, settings, onError };
    let thrown: FunctionFailure | null = null;
    const snapshotFunctions = noting(functions, (found) => {
      thrown = found;
    });
    const worker = await startPipelineWorker({ ...shared, snapshotFunctions });
    try {
      const updateId = await startUpdate(client, pipelineId, options.fullRefresh ?? false);
      worker.wake();
      await waitForEnd(client, updateId, { defect: () => failure, thrown: () => thrown });
      return { pipelineId, updateId, tables: await readOutcomes(client, updateId) };
    } finally {
      await worker.stop();
    }
  } catch (error) {
    throw asRaisedError(error) ?? error;
  } finally {
    await closeSession(client);
  }
}

/** What a snapshot function threw. */
interface FunctionFailure {
  readonly flow: string;
  readonly error: unknown;
}

/** The same functions; what they throw is noted too. The registry has only the kind of it, as it may quote rows. */
function noting(
  functions: ReadonlyMap<string, NextSnapshotAndVersion>,
  note: (failure: FunctionFailure) => void,
): ReadonlyMap<string, NextSnapshotAndVersion> {
  const noted = [...functions].map(([flow, next]): [string, NextSnapshotAndVersion] => [
    flow,
    async (latest) => {
      try {
        return await next(latest);
      } catch (error) {
        note({ flow, error });
        throw error;
      }
    },
  ]);
  return new Map(noted);
}

interface Failures {
  readonly defect: () => unknown;
  readonly thrown: () => FunctionFailure | null;
}

async function waitForEnd(client: pg.Client, updateId: string, { defect, thrown }: Failures): Promise<void> {
  for (;;) {
    const { state, code, message, remedy } = await readUpdateOutcome(client, updateId);
    if (state === 'COMPLETED') return;
    if (state === null || state === 'FAILED' || state === 'CANCELED') {
      const own = thrown();
      if (code === 'FLOW_FUNCTION_FAILED' && own !== null) {
        const { flow, error } = own;
        const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
        throw syncedTablesError('FLOW_FUNCTION_FAILED', { flow, reason }, error);
      }
      if (code !== null && message !== null && isErrorCode(code))
        throw new SyncedTablesError(code, message, remedy ?? '');
      throw syncedTablesError(state === 'CANCELED' ? 'UPDATE_CANCELED' : 'UPDATE_FAILED', { update: updateId });
    }
    // The worker would retry a defect again and again.
    const failure = defect();
    if (failure !== null) throw failure;
    await sleep(PAUSE_MS);
  }
}
