import { syncedTablesError } from '../../core/errors.js';
import { noteFiles, readFiledPipeline } from '../../postgres/registry/api/pipeline-files.js';
import { editFlowPipeline } from '../../postgres/registry/api/pipelines.js';
import { callersWorkspace } from '../files/callers-workspace.js';
import { isSharedPath } from '../files/workspace-path.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { readPipelineLibraries } from './pipeline-files.js';
import type { PipelineSpec } from './pipeline-spec.js';
import { foldersOf, hashOf, policyOf, requireRight, statementsOf } from './pipeline-statements.js';

/** A pipeline of flows, and where it is. */
interface PipelineAddress {
  readonly instance: string;
  readonly database: string;
  readonly pipelineId: string;
}

/** See `fileDeclarer`. */
export type DeclareFromFiles = (pipeline: PipelineAddress) => Promise<void>;

/**
 * What an update does before it runs flows, whoever or whatever has started it: reads the files of its pipeline and, if
 * they say something else by now, declares it anew, with the rights of the role that declared it. Files that others may
 * write too are not taken up like this: their statements must not run with rights that their author lacks.
 * @throws PIPELINE_FILES_CHANGED, ACCESS_DENIED, and what reading and declaring a pipeline throws
 */
export function fileDeclarer(context: ApiContext): DeclareFromFiles {
  const workspace = callersWorkspace(context);
  return async ({ instance, database: name, pipelineId }) => {
    const database = context.instances
      .all()
      .find((each) => each.name === instance)
      ?.database(name);
    // A sidecar that was given no files goes by what was declared.
    if (!database || (context.settings.pipelines.folder === undefined && !workspace.isKept)) return;
    const pipeline = await database.asService((client) => readFiledPipeline(client, pipelineId));
    if (pipeline === null) return;
    const declarer = callerOf(instance, pipeline.createdBy);
    const spec = pipeline.spec as PipelineSpec;
    const files = await readPipelineLibraries(
      spec.libraries ?? [],
      foldersOf(context, workspace, workspace.as(declarer)),
    );
    const filesHash = hashOf(files);
    if (filesHash === pipeline.filesHash) return;
    if (files.some((file) => isOfSeveral(context, file.name))) {
      throw syncedTablesError('PIPELINE_FILES_CHANGED', { pipeline: pipeline.name, role: pipeline.createdBy });
    }
    await requireRight(database, declarer).catch((error: unknown) => {
      throw asUnlent(error, pipeline);
    });
    const statements = statementsOf(files, { name: pipeline.name, spec });
    await database.asCaller(declarer, async (client, asService) => {
      await editFlowPipeline(client, pipelineId, { name: pipeline.name, policy: policyOf(spec), ...statements, spec });
      await asService(() => noteFiles(client, pipelineId, filesHash));
    });
  };
}

/** A role that declared a pipeline over HTTP may have been dropped since, or no longer be lent to the API. */
function asUnlent(error: unknown, { name, createdBy }: { readonly name: string; readonly createdBy: string }): unknown {
  const { code } = error as { readonly code?: string };
  if (code !== '42501' && code !== '42704' && code !== '22023') return error;
  const reason = `the files of pipeline ${name} have changed, and role ${createdBy}, which declared it, has no valid token here`;
  return syncedTablesError('ACCESS_DENIED', { reason }, error);
}

/** Whether a file lies in the folder that several callers write to. */
function isOfSeveral({ settings }: ApiContext, file: string): boolean {
  return isSharedPath(file) && (settings.pipelines.folder === undefined || /^\/+Workspace\//.test(file));
}

/** The role that declared a pipeline, as if it asked. */
function callerOf(instance: string, role: string): Caller {
  return { name: role, kind: 'token', roleOn: (other) => (other === instance ? role : undefined) };
}
