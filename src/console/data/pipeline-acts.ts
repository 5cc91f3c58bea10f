import type { PipelineReply } from '../../api/native/pipelines/pipeline-schema.js';
import { refetch } from './query-cache.js';
import { call } from './request.js';
import { cancelUpdates } from './table-acts.js';
import { TABLES } from './tables.js';

// What can be done with a pipeline. Each asks anew for what is shown once it is done.

const PIPELINES = '/api/2.0/synced-tables/pipelines';
const SERVICE = '/api/2.0/pipelines';

interface UpdateReply {
  readonly update_id: string;
}

/**
 * Asks for an update through one of its tables, which works also while the pipeline follows its sources; one without
 * tables is known to the pipelines service only.
 * @returns the id of the update
 */
export async function syncPipeline(
  { pipeline_id: id, tables: [first], instance }: PipelineReply,
  fullRefresh: boolean,
): Promise<string> {
  const body = { full_refresh: fullRefresh };
  const reply = await (first === undefined
    ? call<UpdateReply>(`${SERVICE}/${id}/updates`, { method: 'POST', body })
    : call<UpdateReply>(`${TABLES}/${encodeURIComponent(first.name)}/sync?instance=${encodeURIComponent(instance)}`, {
        method: 'POST',
        body: { ...body, scope: 'pipeline' },
      }));
  refetch(TABLES, PIPELINES);
  return reply.update_id;
}

export async function pausePipeline({ pipeline_id: id }: PipelineReply, isPaused: boolean): Promise<void> {
  await call(`${PIPELINES}/${id}/${isPaused ? 'pause' : 'resume'}`, { method: 'POST' });
  refetch(TABLES, PIPELINES);
}

/** Cancels what runs and waits, through one of its tables; returns how many updates. */
export async function cancelPipeline({ tables: [first], instance }: PipelineReply): Promise<number> {
  return first === undefined ? 0 : cancelUpdates({ name: first.name, instance });
}

/** @param drops whether its streaming tables go too */
export async function deletePipeline({ pipeline_id: id }: PipelineReply, drops: boolean): Promise<void> {
  await call(`${SERVICE}/${id}?cascade=${drops}`, { method: 'DELETE' });
  refetch(TABLES, PIPELINES);
}
