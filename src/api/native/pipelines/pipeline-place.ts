import { syncedTablesError } from '../../../core/errors.js';
import { isUuid } from '../../../core/uuid.js';
import { type PipelineRecord, readPipelines } from '../../../postgres/registry/api/pipeline-record.js';
import type { ApiContext } from '../../places/api-context.js';
import { firstAnswer } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';

/** A pipeline, and where it was found. */
export interface FoundPipeline extends DatabasePlace {
  readonly record: PipelineRecord;
}

/** @throws PIPELINE_NOT_FOUND, also for a pipeline that the caller may not see */
export async function requirePipeline(context: ApiContext, caller: Caller, id: string): Promise<FoundPipeline> {
  const pipelineId = id.toLowerCase();
  const places = isUuid(pipelineId) ? databasesOf(context, caller) : [];
  const found = await firstAnswer(places, async (place) => {
    const role = await place.database.roleNameOf(caller);
    const [record] = await place.database.asService((client) => readPipelines(client, role, pipelineId));
    return record ? { ...place, record } : null;
  });
  if (found) return found;
  throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
}
