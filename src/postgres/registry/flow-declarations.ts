import { z } from 'zod';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { FlowOptions } from '../../core/flows/flow-options.js';
import type { FlowDeclaration, FlowSource, StreamingTableDeclaration } from '../../core/flows/pipeline-declaration.js';

/** A flow as declared, and by whom. */
interface RegisteredFlow extends Omit<FlowDeclaration, 'target'> {
  readonly createdBy: string;
}

/** A streaming table as declared, and the flows that fill it. */
export interface TableDeclaration extends Omit<StreamingTableDeclaration, 'name'> {
  readonly flows: readonly RegisteredFlow[];
}

/** Rows of the registry: JSON written by `declare_pipeline` and the functions, which check only part of it. */
export interface DeclaredRows {
  readonly pipelineId: string;
  /** `schema.table`, quoted where Postgres needs it. */
  readonly fullName: string;
  readonly declared: unknown;
  readonly flows: readonly (Pick<RegisteredFlow, 'name' | 'kind' | 'createdBy'> & {
    readonly source: unknown;
    readonly options: unknown;
  })[];
}

const given = <Type extends z.ZodType>(type: Type) => z.exactOptional(z.nullable(type));
const names = z.array(z.string());

const declaredTable = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })).nullish(),
  comment: z.string().nullish(),
  tombstoneSeconds: z.number().nullish(),
});

const flowSource: z.ZodType<FlowSource> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('name'), parts: names, isChangeFeed: z.boolean().default(false) }),
  z.object({ kind: z.literal('query'), query: z.string() }),
  z.object({ kind: z.literal('function') }),
]);

const flowOptions: z.ZodType<FlowOptions> = z.object({
  keys: names,
  sequence_by: given(z.union([z.string(), z.object({ struct: names })])),
  ignore_null_updates: given(z.boolean()),
  ignore_null_updates_column_list: given(names),
  ignore_null_updates_except_column_list: given(names),
  columns_to_update: given(z.string()),
  apply_as_deletes: given(z.string()),
  apply_as_truncates: given(z.string()),
  column_list: given(names),
  except_column_list: given(names),
  stored_as_scd_type: given(z.union([z.number(), z.string()])),
  track_history_column_list: given(names),
  track_history_except_column_list: given(names),
  once: given(z.boolean()),
});

/**
 * Parses the registry's rows of a streaming table. What does not parse is returned, not thrown: the pipeline's other
 * tables continue.
 * @returns PIPELINE_DECLARATION_INVALID in place of a declaration that does not parse
 */
export function parseTableDeclaration(rows: DeclaredRows): TableDeclaration | SyncedTablesError {
  const table = declaredTable.safeParse(rows.declared);
  if (!table.success) return invalid(rows, `streaming table ${rows.fullName}`, table.error);
  const flows: RegisteredFlow[] = [];
  for (const { name, kind, createdBy, ...json } of rows.flows) {
    const what = `flow ${name} into streaming table ${rows.fullName}`;
    const source = flowSource.safeParse(json.source);
    if (!source.success) return invalid(rows, what, source.error);
    const options = flowOptions.safeParse(json.options);
    if (!options.success) return invalid(rows, what, options.error);
    flows.push({ name, kind, createdBy, source: source.data, options: options.data });
  }
  const { columns = null, comment = null, tombstoneSeconds = null } = table.data;
  return { columns, comment, tombstoneSeconds, flows };
}

function invalid({ pipelineId: pipeline }: DeclaredRows, what: string, error: z.ZodError): SyncedTablesError {
  const [issue] = error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  const reason = `${place}${issue?.message ?? 'it is not what was expected'}`;
  return syncedTablesError('PIPELINE_DECLARATION_INVALID', { pipeline, what, reason }, error);
}
