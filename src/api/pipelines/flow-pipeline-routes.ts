import { syncedTablesError } from '../../core/errors.js';
import { noteFiles } from '../../postgres/registry/api/pipeline-files.js';
import { createFlowPipeline, editFlowPipeline } from '../../postgres/registry/api/pipelines.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { Caller } from '../places/caller.js';
import { nothing } from '../wire/wire-fields.js';
import { choosePipelineDatabase } from './pipeline-place.js';
import { shownSpec } from './pipeline-reply.js';
import { PIPELINES_PATH, pipelineParams } from './pipeline-schema.js';
import {
  createPipelineInput,
  createPipelineReply,
  editPipelineInput,
  keptSpec,
  type PipelineSpec,
  refuseUnsupported,
} from './pipeline-spec.js';
import { foldersOf, policyOf, readStatements, type Statements } from './pipeline-statements.js';
import { findPipeline } from './placed-pipeline.js';

const tags = ['pipelines'];

/** Pipelines of APPLY CHANGES / AUTO CDC, managed over HTTP. Those of synced tables come with their tables. */
export function addFlowPipelineRoutes(server: ApiServer, context: ApiContext, workspace: CallersWorkspace): void {
  const foldersAs = (caller: Caller) => foldersOf(context, workspace, workspace.as(caller));
  server.post(
    PIPELINES_PATH,
    {
      schema: {
        tags,
        summary: 'Create a pipeline of flows from SQL files (libraries), or from statements in field sql',
        body: createPipelineInput,
        response: { 200: createPipelineReply },
      },
    },
    async ({ body, caller }) => {
      refuseUnsupported(body, caller.name);
      const { name } = body;
      const spec = keptSpec(body);
      const database = await choosePipelineDatabase(context, caller, { name, catalog: spec.catalog });
      const isDryRun = body.dry_run === true;
      const statements = await readStatements(foldersAs(caller), { database, caller, name, spec });
      const id = await createPipeline(database, caller, { name, spec, ...statements, isDryRun });
      return isDryRun ? { effective_settings: { ...shownSpec(spec), name } } : { pipeline_id: id };
    },
  );
  server.put(
    `${PIPELINES_PATH}/:pipeline_id`,
    {
      schema: {
        tags,
        summary: 'Give a pipeline of flows another spec; what its flows have read stays read',
        params: pipelineParams,
        body: editPipelineInput,
        response: { 200: nothing },
      },
    },
    async ({ params, body, caller }) => {
      const { record, database } = await findPipeline(context, caller, params.pipeline_id);
      if (record.kind !== 'FLOWS')
        throw syncedTablesError('PIPELINE_OF_SYNCED_TABLES', { pipeline: record.pipelineId });
      refuseUnsupported(body, caller.name);
      const name = body.name ?? record.name;
      const { catalog } = (record.spec ?? {}) as PipelineSpec;
      const spec = keptSpec({ catalog, ...keptSpec(body) });
      if (spec.catalog !== undefined) await requireSameDatabase(context, caller, { name, spec, database });
      const statements = await readStatements(foldersAs(caller), { database, caller, name, spec });
      const pipeline = { name, policy: policyOf(spec), ...statements, spec };
      await database.asCaller(caller, async (client, asService) => {
        await editFlowPipeline(client, record.pipelineId, pipeline);
        await asService(() => noteFiles(client, record.pipelineId, statements.filesHash));
      });
      return {};
    },
  );
}

async function requireSameDatabase(
  context: ApiContext,
  caller: Caller,
  wanted: { readonly name: string; readonly spec: PipelineSpec; readonly database: ApiDatabase },
): Promise<void> {
  const { name, spec, database } = wanted;
  if ((await choosePipelineDatabase(context, caller, { name, catalog: spec.catalog })) === database) return;
  const reason = `it writes to database ${database.name}, but catalog ${spec.catalog} is a different one`;
  throw syncedTablesError('PIPELINE_CATALOG_UNCLEAR', { pipeline: name, reason });
}

interface NewPipeline extends Statements {
  readonly name: string;
  readonly spec: PipelineSpec;
  readonly isDryRun: boolean;
}

async function createPipeline(database: ApiDatabase, caller: Caller, pipeline: NewPipeline): Promise<string> {
  const { name, spec, declaration, schema, filesHash, isDryRun } = pipeline;
  return database.asCaller(caller, async (client, asService) => {
    // A dry run reports everything that the database would, and leaves nothing behind.
    await client.query('savepoint before_pipeline');
    const id = await createFlowPipeline(client, { name, policy: policyOf(spec), declaration, schema, spec });
    if (isDryRun) await client.query('rollback to savepoint before_pipeline');
    else await asService(() => noteFiles(client, id, filesHash));
    return id;
  });
}
