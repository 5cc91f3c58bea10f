import type { ApiContext, ApiServer } from '../places/api-context.js';
import { addDatabaseOverviewRoutes } from './databases/database-routes.js';
import { addDoctorRoutes } from './doctor/doctor-routes.js';
import { addEventSearchRoutes } from './events/event-search-routes.js';
import { addMeRoutes } from './me-routes.js';
import { addPauseRoutes } from './pipelines/pause-routes.js';
import { addPipelineOverviewRoutes } from './pipelines/pipeline-routes.js';
import { addPipelineUpdateRoutes } from './pipelines/pipeline-update-routes.js';
import { addPreviewRoutes } from './previews/preview-routes.js';
import { addSourceRoutes } from './sources/source-routes.js';
import { addStreamRoutes } from './stream/stream-routes.js';
import { addStreamingRoutes } from './streaming/streaming-routes.js';
import { addAlterTableRoutes } from './tables/alter-table-routes.js';
import { addCreateTableRoute } from './tables/create-table-route.js';
import { addObjectRoutes } from './tables/object-routes.js';
import { addRowRoutes } from './tables/row-routes.js';
import { addSampleRoutes } from './tables/sample-routes.js';
import { addScheduleRoutes } from './tables/schedule-routes.js';
import { addStatementRoutes } from './tables/statement-routes.js';
import { addTableListRoutes } from './tables/table-list-routes.js';
import { addTableUpdateRoutes } from './tables/table-update-routes.js';
import { addVerificationRoutes } from './tables/verification-routes.js';
import { addTokenRoutes } from './tokens/token-routes.js';

/** Our own API, `/api/2.0/synced-tables/…`: what the services of Databricks have no calls for. One file a resource. */
export function addNativeRoutes(server: ApiServer, context: ApiContext): void {
  addAlterTableRoutes(server, context);
  addCreateTableRoute(server, context);
  addDatabaseOverviewRoutes(server, context);
  addDoctorRoutes(server, context);
  addEventSearchRoutes(server, context);
  addMeRoutes(server, context);
  addObjectRoutes(server, context);
  addPauseRoutes(server, context);
  addPipelineOverviewRoutes(server, context);
  addPipelineUpdateRoutes(server, context);
  addPreviewRoutes(server, context);
  addRowRoutes(server, context);
  addSampleRoutes(server, context);
  addScheduleRoutes(server, context);
  addSourceRoutes(server, context);
  addStatementRoutes(server, context);
  addStreamingRoutes(server, context);
  addStreamRoutes(server, context);
  addTableListRoutes(server, context);
  addTableUpdateRoutes(server, context);
  addTokenRoutes(server, context);
  addVerificationRoutes(server, context);
}
