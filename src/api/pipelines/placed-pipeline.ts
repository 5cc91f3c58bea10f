import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import {
  type PipelineRecord,
  readPipelineMembers,
  readPipelines,
} from '../../postgres/registry/api/pipeline-record.js';
import { catalogOfDatabase } from '../names/catalog-place.js';
import { fullNameOf } from '../names/table-name.js';
import type { ApiContext } from '../places/api-context.js';
import { firstAnswer } from '../places/ask-databases.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';

/** A synced or streaming table of a pipeline. */
export interface PipelineTable {
  /** The three-part name that lists show. */
  readonly fullName: string;
  readonly schema: string;
  readonly table: string;
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
}

/** A pipeline, where it is, and those of its tables that the caller may see. */
export interface PlacedPipeline extends DatabasePlace {
  readonly record: PipelineRecord;
  readonly tables: readonly PipelineTable[];
}

/** @throws PIPELINE_NOT_FOUND, also for a pipeline that the caller may not see */
export async function findPipeline(context: ApiContext, caller: Caller, id: string): Promise<PlacedPipeline> {
  const pipelineId = id.toLowerCase();
  const places = isUuid(pipelineId) ? databasesOf(context, caller) : [];
  const found = await firstAnswer(places, (place) => readPlaced(place, caller, pipelineId));
  if (found) return found;
  throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
}

async function readPlaced(place: DatabasePlace, caller: Caller, pipelineId: string): Promise<PlacedPipeline | null> {
  const { instance, database } = place;
  const role = await database.roleNameOf(caller);
  const [record] = await database.asService((client) => readPipelines(client, role, pipelineId));
  if (!record) return null;
  const members = await database.asService((client) => readPipelineMembers(client, role, pipelineId));
  const other = await catalogOfDatabase(instance, database.name);
  const tables = members.map(({ schema, table, sqlName, catalog }) => {
    return { fullName: fullNameOf({ catalog: catalog ?? other, schema, table }), schema, table, sqlName };
  });
  return { record, instance, database, tables };
}

/** All pipelines that the caller may see. */
export async function listPipelines(context: ApiContext, caller: Caller): Promise<PipelineRecord[]> {
  const lists = await Promise.all(
    databasesOf(context, caller).map(async ({ database }) => {
      const role = await database.roleNameOf(caller);
      return database.asService((client) => readPipelines(client, role, null));
    }),
  );
  return lists.flat();
}
