import { syncedTablesError } from '../../core/errors.js';
import { readPipelineFiles } from '../../flows/declare/read-pipeline.js';
import { registryDeclaration } from '../../flows/declare/registry-declaration.js';
import { createFlowPipeline, editFlowPipeline, type FlowPipelineInput } from '../../postgres/registry/api/pipelines.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { Caller } from '../places/caller.js';
import { nothing } from '../wire/wire-fields.js';
import { readPipelineLibraries } from './pipeline-files.js';
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
import { findPipeline } from './placed-pipeline.js';

const tags = ['pipelines'];
/** The name by which messages refer to the text of field `sql`. */
const SQL_NAME = 'sql';
const DEFAULT_SCHEMA = 'public';

/** Pipelines of APPLY CHANGES / AUTO CDC, managed over HTTP. Those of synced tables come with their tables. */
export function addFlowPipelineRoutes(server: ApiServer, context: ApiContext): void {
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
      const statements = await readStatements(context, { database, caller, name, spec });
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
      const statements = await readStatements(context, { database, caller, name, spec });
      const pipeline = { name, policy: policyOf(spec), ...statements, spec };
      await database.asCaller(caller, (client) => editFlowPipeline(client, record.pipelineId, pipeline));
      return {};
    },
  );
}

function policyOf({ continuous }: PipelineSpec): FlowPipelineInput['policy'] {
  return continuous === true ? 'CONTINUOUS' : 'TRIGGERED';
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

interface Statements {
  /** In the form that the registry takes. */
  readonly declaration: string;
  /** Default schema of unqualified tables. */
  readonly schema: string;
}

interface StatementsRequest {
  readonly database: ApiDatabase;
  readonly caller: Caller;
  readonly name: string;
  readonly spec: PipelineSpec;
}

/**
 * The statements of a spec, parsed and checked.
 * @throws ACCESS_DENIED before any file is read; PIPELINE_SQL_SYNTAX and the other codes of readPipelineFiles
 */
async function readStatements(context: ApiContext, request: StatementsRequest): Promise<Statements> {
  const { database, caller, name, spec } = request;
  await requireRight(database, caller);
  const files = await readPipelineLibraries(spec.libraries ?? [], context.settings.pipelines.folder);
  const texts = spec.sql === undefined ? files : [...files, { name: SQL_NAME, text: spec.sql }];
  const pipeline = readPipelineFiles(texts);
  if (pipeline.tables.length === 0) throw syncedTablesError('PIPELINE_WITHOUT_STATEMENTS', { pipeline: name });
  return { declaration: registryDeclaration(pipeline), schema: spec.schema ?? spec.target ?? DEFAULT_SCHEMA };
}

/** Messages about files quote them, so callers who may not create pipelines must not reach that point. */
async function requireRight(database: ApiDatabase, caller: Caller): Promise<void> {
  const { rows } = await database.asCaller(caller, (client) =>
    client.query<{ role: string; may: boolean }>(
      `select current_user as role, pg_catalog.bool_or(pg_catalog.has_function_privilege(p.oid, 'execute')) as may
         from pg_catalog.pg_proc p
        where p.pronamespace = pg_catalog.to_regnamespace('synced_tables_internal') and p.proname = '_create_pipeline'`,
    ),
  );
  const { role = '', may = false } = rows[0] ?? {};
  if (may) return;
  const reason = `role ${role} is not a member of databricks_superuser, which pipelines of flows are reserved for`;
  throw syncedTablesError('ACCESS_DENIED', { reason });
}

interface NewPipeline extends Statements {
  readonly name: string;
  readonly spec: PipelineSpec;
  readonly isDryRun: boolean;
}

async function createPipeline(database: ApiDatabase, caller: Caller, pipeline: NewPipeline): Promise<string> {
  const { name, spec, declaration, schema, isDryRun } = pipeline;
  return database.asCaller(caller, async (client) => {
    // A dry run reports everything that the database would, and leaves nothing behind.
    await client.query('savepoint before_pipeline');
    const id = await createFlowPipeline(client, { name, policy: policyOf(spec), declaration, schema, spec });
    if (isDryRun) await client.query('rollback to savepoint before_pipeline');
    return id;
  });
}
