import type { ApiContext, ApiServer } from '../api-context.js';
import { addSyncedTableRoutes } from './synced-table-routes.js';

/** The `database` service: `/api/2.0/database/…` (databricks-api.md A). */
export function addDatabaseRoutes(server: ApiServer, context: ApiContext): void {
  addSyncedTableRoutes(server, context);
}
