import { addServerPermissionRoutes } from '../permissions/server-permission-routes.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { addDatabaseCatalogRoutes } from './database-catalog-routes.js';
import { addDatabaseCredentialRoutes } from './database-credential-routes.js';
import { addDatabaseSyncedTableRoutes } from './database-synced-table-routes.js';
import { addInstanceRoutes } from './instance-routes.js';
import { addRegisteredTableRoutes } from './registered-table-routes.js';
import { addRoleRoutes } from './role-routes.js';

/** The `database` service: `/api/2.0/database/…` (docs/reference/databricks-api.md#database-service). */
export function addDatabaseRoutes(server: ApiServer, context: ApiContext): void {
  addDatabaseSyncedTableRoutes(server, context);
  addDatabaseCatalogRoutes(server, context);
  addRegisteredTableRoutes(server, context);
  addInstanceRoutes(server, context);
  addServerPermissionRoutes(server, 'database-instances', (caller, id) => context.instances.find(caller, id));
  addRoleRoutes(server, context);
  addDatabaseCredentialRoutes(server, context);
}
