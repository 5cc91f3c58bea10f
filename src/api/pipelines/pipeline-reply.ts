import type { z } from 'zod';
import type { PipelineRecord } from '../../postgres/registry/api/pipeline-record.js';
import type { pipelineReply, updateState } from './pipeline-schema.js';
import type { PipelineSpec } from './pipeline-spec.js';

type PipelineReply = z.output<typeof pipelineReply>;

/** The body of a pipeline (GetPipelineResponse, docs/reference/databricks-api.md#pipelines-service). */
export function pipelineReplyOf(pipeline: PipelineRecord): PipelineReply {
  const { pipelineId, name, createdBy, latestUpdates, spec } = pipeline;
  return {
    pipeline_id: pipelineId,
    name,
    state: stateOf(pipeline),
    health: pipeline.hasFailedTable ? 'UNHEALTHY' : 'HEALTHY',
    creator_user_name: createdBy,
    run_as_user_name: createdBy,
    last_modified: pipeline.modifiedAtMs,
    latest_updates: latestUpdates.map(({ updateId, state, createdAt }) => ({
      update_id: updateId,
      state: state as z.output<typeof updateState>,
      creation_time: createdAt,
    })),
    spec: {
      development: false,
      serverless: false,
      channel: 'CURRENT',
      ...(spec === null ? {} : shownSpec(spec as PipelineSpec)),
      id: pipelineId,
      name,
      continuous: pipeline.isContinuous,
    },
  };
}

/** As it was given, without fields that the reply schema does not have. */
export function shownSpec({ libraries, ...spec }: PipelineSpec): Omit<PipelineReply['spec'], 'name'> {
  if (libraries === undefined) return spec;
  const shown = libraries.map(({ file, glob }) => ({ ...(file ? { file } : {}), ...(glob ? { glob } : {}) }));
  return { ...spec, libraries: shown };
}

/**
 * RUNNING while an update runs, including that of a CONTINUOUS pipeline; FAILED only for a CONTINUOUS pipeline with
 * nothing left to follow. All others are IDLE, and their health says how the last update ended.
 */
function stateOf({ latestUpdates, isContinuous, isStopped, hasFailedTable }: PipelineRecord): PipelineReply['state'] {
  if (latestUpdates.some(({ state }) => state === 'RUNNING')) return 'RUNNING';
  if (latestUpdates.some(({ state }) => state === 'QUEUED')) return 'STARTING';
  return isContinuous && hasFailedTable && !isStopped ? 'FAILED' : 'IDLE';
}
