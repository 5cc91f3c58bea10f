/**
 * The package's one entry: declaring and running pipelines of APPLY CHANGES / AUTO CDC from a program, and starting a
 * sidecar and a Postgres for it.
 */
export { SyncedTablesError } from './core/errors.js';
export {
  applyChanges,
  applyChangesFromSnapshot,
  type ChangeFlowChoices,
  createAutoCdcFlow,
  createAutoCdcFromSnapshotFlow,
  createStreamingTable,
  createView,
  type Declaration,
  type SnapshotFlowChoices,
  type StreamingTableChoices,
} from './program/declare-flows.js';
export { type PipelineRun, type RunPipelineOptions, runPipeline } from './program/run-pipeline.js';
export { type RunningPostgres, type StartPostgresOptions, startEmbeddedPostgres } from './program/start-postgres.js';
export { type RunningSidecar, type StartSidecarOptions, startSidecar } from './program/start-sidecar.js';
export type { NextSnapshotAndVersion, Snapshot, SnapshotRows } from './sync/flows/source/snapshot-function.js';
export type { SnapshotVersion } from './sync/flows/source/snapshot-version.js';
