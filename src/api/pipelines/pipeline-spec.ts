import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { maybe, text } from '../wire/wire-fields.js';

// PipelineSpec and the bodies of create and edit (docs/reference/databricks-api.md#pipelines-service), as far as they
// apply here.

const LIBRARIES_MAX = 100;
const SQL_LENGTH_MAX = 1_000_000;

const library = z.object({
  file: maybe(z.object({ path: text })),
  glob: maybe(z.object({ include: text })),
  notebook: maybe(z.unknown()),
  jar: maybe(z.unknown()),
  maven: maybe(z.unknown()),
  whl: maybe(z.unknown()),
});

export type Library = Partial<z.output<typeof library>>;

const label = z.string().min(1).max(255);
const texts = maybe(z.record(z.string().max(255), text));

/**
 * Stored and returned, with whatever else a spec holds: clusters, deployment, notifications. What is about machines, cost or
 * tools has no effect; tools compare what they sent with what they get.
 */
const specFields = z.looseObject({
  catalog: maybe(label),
  schema: maybe(z.string().min(1).max(63)),
  target: maybe(z.string().min(1).max(63)),
  libraries: maybe(z.array(library).max(LIBRARIES_MAX)),
  sql: maybe(z.string().max(SQL_LENGTH_MAX)),
  continuous: maybe(z.boolean()),
  development: maybe(z.boolean()),
  serverless: maybe(z.boolean()),
  photon: maybe(z.boolean()),
  channel: maybe(text),
  edition: maybe(text),
  storage: maybe(text),
  root_path: maybe(text),
  budget_policy_id: maybe(text),
  configuration: texts,
  tags: texts,
});

export type PipelineSpec = Partial<z.output<typeof specFields>>;

/** Fields of a request that are not part of the spec. */
const NOT_SPEC: ReadonlySet<string> = new Set([
  'id',
  'pipeline_id',
  'name',
  'dry_run',
  'allow_duplicate_names',
  'expected_last_modified',
  'run_as',
]);

/** Fields that must not be ignored silently, as they would change what the pipeline does. */
const refusable = z.object({
  run_as: maybe(z.object({ user_name: maybe(text), service_principal_name: maybe(text) })),
  trigger: maybe(z.object({ cron: maybe(z.unknown()) })),
  ingestion_definition: maybe(z.unknown()),
  gateway_definition: maybe(z.unknown()),
});

export const createPipelineInput = specFields.extend({
  ...refusable.shape,
  name: label,
  dry_run: maybe(z.boolean()),
  allow_duplicate_names: maybe(z.boolean()),
});

export const editPipelineInput = specFields.extend({ ...refusable.shape, name: maybe(label) });

const flag = z.boolean().optional();
const told = z.string().optional();
const toldTexts = z.record(z.string(), z.string()).optional();

/** The spec of a pipeline in replies; synced tables fill little of it. */
export const pipelineSpecReply = z.looseObject({
  id: told,
  name: z.string(),
  catalog: told,
  schema: told,
  target: told,
  libraries: z
    .array(
      z.object({
        file: z.object({ path: z.string() }).optional(),
        glob: z.object({ include: z.string() }).optional(),
      }),
    )
    .optional(),
  sql: told,
  continuous: flag,
  development: flag,
  serverless: flag,
  photon: flag,
  channel: told,
  edition: told,
  storage: told,
  root_path: told,
  budget_policy_id: told,
  configuration: toldTexts,
  tags: toldTexts,
});

export const createPipelineReply = z.object({
  pipeline_id: z.string().optional(),
  effective_settings: pipelineSpecReply.optional(),
});

type Refusable = Partial<z.output<typeof refusable>>;

/**
 * Refuses requests for anything other than flows.
 * @throws PIPELINE_LIBRARY_UNSUPPORTED, NOT_IMPLEMENTED
 */
export function refuseUnsupported(body: Refusable, callerName: string): void {
  for (const field of ['ingestion_definition', 'gateway_definition'] as const) {
    if (body[field] !== undefined) throw syncedTablesError('PIPELINE_LIBRARY_UNSUPPORTED', { what: field });
  }
  if (body.trigger?.cron !== undefined) {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: 'A pipeline with trigger.cron',
      reason: 'schedules are not part of its spec',
      alternative: 'Set one with synced_tables.set_schedule or "synced-tables schedule", or leave it out.',
    });
  }
  const runAs = body.run_as?.user_name ?? body.run_as?.service_principal_name;
  if (runAs === undefined || runAs === callerName) return;
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: 'A pipeline with run_as',
    reason: 'flows read with the rights of the role that declared them',
    alternative: 'Send the request with a token of that role.',
  });
}

/** The part of a body that is stored, without absent fields. */
export function keptSpec(body: PipelineSpec): PipelineSpec {
  return Object.fromEntries(
    Object.entries(body).filter(([field, value]) => !NOT_SPEC.has(field) && value !== undefined && value !== null),
  );
}
