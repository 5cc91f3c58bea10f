import { createHash } from 'node:crypto';
import { syncedTablesError } from '../../core/errors.js';
import { readPipelineFiles } from '../../flows/declare/read-pipeline.js';
import { registryDeclaration } from '../../flows/declare/registry-declaration.js';
import type { FlowPipelineInput } from '../../postgres/registry/api/pipelines.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { WorkspaceCaller } from '../files/workspace-files.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { Caller } from '../places/caller.js';
import { type PipelineFile, type PipelineFolders, readPipelineLibraries } from './pipeline-files.js';
import type { PipelineSpec } from './pipeline-spec.js';

/** The name by which messages refer to the text of field `sql`. */
const SQL_NAME = 'sql';
const DEFAULT_SCHEMA = 'public';

/** What a pipeline declares. */
export interface Statements {
  /** In the form that the registry takes. */
  readonly declaration: string;
  /** Default schema of unqualified tables. */
  readonly schema: string;
  /** Tells whether its files say something else by now; null without files. */
  readonly filesHash: string | null;
}

/** Where the files of a pipeline are, for whoever declares it. */
export function foldersOf(context: ApiContext, workspace: CallersWorkspace, caller: WorkspaceCaller): PipelineFolders {
  return {
    folder: context.settings.pipelines.folder,
    inWorkspace: workspace.isKept ? (path) => workspace.files().locate(caller, path) : null,
  };
}

/**
 * The statements of a spec, parsed and checked.
 * @throws ACCESS_DENIED before any file is read; PIPELINE_SQL_SYNTAX and the other codes of readPipelineFiles
 */
export async function readStatements(
  folders: PipelineFolders,
  request: {
    readonly database: ApiDatabase;
    readonly caller: Caller;
    readonly name: string;
    readonly spec: PipelineSpec;
  },
): Promise<Statements> {
  const { database, caller, name, spec } = request;
  await requireRight(database, caller);
  return statementsOf(await readPipelineLibraries(spec.libraries ?? [], folders), { name, spec });
}

/** @throws PIPELINE_SQL_SYNTAX and the other codes of readPipelineFiles */
export function statementsOf(
  files: readonly PipelineFile[],
  { name, spec }: { readonly name: string; readonly spec: PipelineSpec },
): Statements {
  const texts = spec.sql === undefined ? files : [...files, { name: SQL_NAME, text: spec.sql }];
  const pipeline = readPipelineFiles(texts);
  if (pipeline.tables.length === 0) throw syncedTablesError('PIPELINE_WITHOUT_STATEMENTS', { pipeline: name });
  return {
    declaration: registryDeclaration(pipeline),
    schema: spec.schema ?? spec.target ?? DEFAULT_SCHEMA,
    filesHash: hashOf(files),
  };
}

/** Tells files from those of another time; null for none. */
export function hashOf(files: readonly PipelineFile[]): string | null {
  if (files.length === 0) return null;
  return createHash('sha256')
    .update(JSON.stringify(files.map(({ name, text }) => [name, text])))
    .digest('hex');
}

/** The scheduling policy that a spec asks for. */
export function policyOf({ continuous }: PipelineSpec): FlowPipelineInput['policy'] {
  return continuous === true ? 'CONTINUOUS' : 'TRIGGERED';
}

/** Messages about files quote them, so callers who may not create pipelines must not reach that point. */
export async function requireRight(database: ApiDatabase, caller: Caller): Promise<void> {
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
