import { z } from 'zod';
import { pausePipeline, resumePipeline } from '../../../postgres/registry/api/pipelines.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { requirePipeline } from './pipeline-place.js';

const pauseReply = z.object({
  pipeline_id: z.string(),
  is_changed: z.boolean().describe('False if nothing was to do'),
  paused_at: z.string().nullable(),
  paused_by: z.string().nullable().describe('A Postgres role'),
});

const params = z.object({ pipeline_id: z.string() });

const ACTIONS = [
  { verb: 'pause', act: pausePipeline, summary: 'Keep a pipeline from doing anything by itself' },
  { verb: 'resume', act: resumePipeline, summary: 'Let a paused or stopped pipeline go on' },
] as const;

/** Pausing a pipeline and ending that, whatever its tables follow. */
export function addPauseRoutes(server: ApiServer, context: ApiContext): void {
  for (const { verb, act, summary } of ACTIONS) {
    server.post(
      `${NATIVE_PATH}/pipelines/:pipeline_id/${verb}`,
      { schema: { tags: NATIVE_TAGS, summary, params, response: { 200: pauseReply } } },
      async ({ params: { pipeline_id: id }, caller }) => {
        const { database, record } = await requirePipeline(context, caller, id);
        const pause = await database.asCaller(caller, (client, asService) => act(client, record.pipelineId, asService));
        const { isChanged, pausedAt, pausedBy } = pause;
        return { pipeline_id: record.pipelineId, is_changed: isChanged, paused_at: pausedAt, paused_by: pausedBy };
      },
    );
  }
}
