import type { ApiContext, ApiServer } from '../api-context.js';
import { addPostgresCatalogRoutes } from './catalog-routes.js';
import { addPostgresCredentialRoutes } from './credential-routes.js';
import { addProjectRoutes } from './project-routes.js';
import { addPostgresSyncedTableRoutes } from './synced-table-routes.js';
import { addPostgresTableRoutes } from './table-routes.js';

/** The `postgres` service, `/api/2.0/postgres/…` (docs/reference/databricks-api.md#postgres-service). */
export function addPostgresRoutes(server: ApiServer, context: ApiContext): void {
  addPostgresSyncedTableRoutes(server, context);
  addPostgresCatalogRoutes(server, context);
  addPostgresTableRoutes(server, context);
  addProjectRoutes(server, context);
  addPostgresCredentialRoutes(server, context);
}
