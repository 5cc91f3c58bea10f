import { syncedTablesError } from '../../core/errors.js';
import { noteFiles, readFilesHash } from '../../postgres/registry/api/pipeline-files.js';
import { editFlowPipeline, startFlowsUpdate } from '../../postgres/registry/api/pipelines.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { readPipelineLibraries } from './pipeline-files.js';
import type { PipelineSpec } from './pipeline-spec.js';
import { foldersOf, hashOf, policyOf, requireRight, type Statements, statementsOf } from './pipeline-statements.js';
import type { PlacedPipeline } from './placed-pipeline.js';

/** What starts pipelines of flows over HTTP. */
export interface FlowStarter {
  readonly context: ApiContext;
  readonly workspace: CallersWorkspace;
  readonly caller: Caller;
}

/**
 * Starts an update of a pipeline of flows. Its files are read first: what they say by now is what is run, as with the
 * service.
 * @returns the id of the update
 * @throws PIPELINE_FILES_CHANGED, what reading and declaring a pipeline throws, and what starting an update throws
 */
export async function startFlows(
  starter: FlowStarter,
  found: PlacedPipeline,
  update: { readonly isFullRefresh: boolean; readonly cause: string; readonly isValidation: boolean },
): Promise<string> {
  const { record, database } = found;
  const changed = await changedStatements(starter, found);
  const { isValidation, ...request } = update;
  return database.asCaller(starter.caller, async (client, asService) => {
    if (changed !== null) {
      const { name, pipelineId } = record;
      const spec = (record.spec ?? {}) as PipelineSpec;
      await editFlowPipeline(client, pipelineId, { name, policy: policyOf(spec), ...changed, spec });
      await asService(() => noteFiles(client, pipelineId, changed.filesHash));
    }
    return startFlowsUpdate(client, { ...request, pipelineId: record.pipelineId }, isValidation);
  });
}

/** What the files of a pipeline say, if that is something else than when it was declared. */
async function changedStatements(
  { context, workspace, caller }: FlowStarter,
  { record, database }: PlacedPipeline,
): Promise<Statements | null> {
  const spec = (record.spec ?? {}) as PipelineSpec;
  if (spec.libraries === undefined || spec.libraries.length === 0) return null;
  await requireRight(database, caller);
  const isDeclarer = (await database.roleNameOf(caller)) === record.createdBy;
  const reader = isDeclarer ? workspace.as(caller) : { name: record.createdBy, maySeeShared: async () => true };
  const files = await readPipelineLibraries(spec.libraries, foldersOf(context, workspace, reader));
  const known = await database.asService((client) => readFilesHash(client, record.pipelineId));
  if (hashOf(files) === known) return null;
  if (isDeclarer) return statementsOf(files, { name: record.name, spec });
  // Flows read with the rights of whoever declared them: those of somebody else must not come in by a file.
  if (known === null) return null;
  throw syncedTablesError('PIPELINE_FILES_CHANGED', { pipeline: record.name, role: record.createdBy });
}
