import type { Engine } from '../lake/engine/duckdb-engine.js';
import { readFlowPipeline } from '../postgres/flow-registry.js';
import { closeSession } from '../postgres/session.js';
import { followFlows } from './flows/follow-flows.js';
import { type FollowOptions, followPipeline } from './follow-pipeline.js';
import type { PipelineOutcome } from './run-update.js';

/** Follows the sources of a pipeline, whether it keeps synced tables or streaming tables. */
export async function followUpdate(options: FollowOptions & { readonly engine: Engine }): Promise<PipelineOutcome> {
  const client = await options.openSession();
  let isOfFlows: boolean;
  try {
    isOfFlows = (await readFlowPipeline(client, options.lease.pipelineId)) !== null;
  } finally {
    await closeSession(client);
  }
  return isOfFlows ? followFlows(options) : followPipeline(options);
}
