import { findProject } from '../names/resource-names.js';
import { addServerPermissionRoutes } from '../permissions/server-permission-routes.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { addPostgresCatalogRoutes } from './postgres-catalog-routes.js';
import { addPostgresCredentialRoutes } from './postgres-credential-routes.js';
import { addPostgresSyncedTableRoutes } from './postgres-synced-table-routes.js';
import { addPostgresTableRoutes } from './postgres-table-routes.js';
import { addProjectRoutes } from './project-routes.js';

/** The `postgres` service, `/api/2.0/postgres/…` (docs/reference/databricks-api.md#postgres-service). */
export function addPostgresRoutes(server: ApiServer, context: ApiContext): void {
  addPostgresSyncedTableRoutes(server, context);
  addPostgresCatalogRoutes(server, context);
  addPostgresTableRoutes(server, context);
  addProjectRoutes(server, context);
  addServerPermissionRoutes(server, 'database-projects', (caller, id) => findProject(context, caller, id));
  addPostgresCredentialRoutes(server, context);
}
