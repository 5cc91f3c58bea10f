import type { ApiContext, ApiServer } from '../api-context.js';
import { addCatalogRoutes } from './catalog-routes.js';
import { addCredentialRoutes } from './credential-routes.js';
import { addInstanceRoutes } from './instance-routes.js';
import { addRegisteredTableRoutes } from './registered-table-routes.js';
import { addRoleRoutes } from './role-routes.js';
import { addSyncedTableRoutes } from './synced-table-routes.js';

/** The `database` service: `/api/2.0/database/…` (docs/reference/databricks-api.md#database-service). */
export function addDatabaseRoutes(server: ApiServer, context: ApiContext): void {
  addSyncedTableRoutes(server, context);
  addCatalogRoutes(server, context);
  addRegisteredTableRoutes(server, context);
  addInstanceRoutes(server, context);
  addRoleRoutes(server, context);
  addCredentialRoutes(server, context);
}
