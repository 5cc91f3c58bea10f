import { addDatabaseRoutes } from '../database/database-routes.js';
import { callersWorkspace } from '../files/callers-workspace.js';
import { authenticate } from '../identity/authenticate.js';
import { ConsoleSession } from '../identity/console-session.js';
import { oidcIdentity } from '../identity/oidc-identity.js';
import { addMetricsRoute } from '../metrics/metrics-route.js';
import { addNativeRoutes } from '../native/native-routes.js';
import { addSessionRoutes } from '../native/session-routes.js';
import { addPipelineRoutes } from '../pipelines/pipeline-routes.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { addPostgresRoutes } from '../postgres/postgres-routes.js';
import { addUnityCatalogRoutes } from '../unity-catalog/unity-catalog-routes.js';
import { addFileRoutes } from '../workspace/file-routes.js';
import { addFolderPermissionRoutes } from '../workspace/folder-permission-routes.js';
import { addWellKnownRoutes } from '../workspace/well-known.js';
import { addWorkspaceRoutes } from '../workspace/workspace-routes.js';

/** Adds every service. What clients request before they have a token is open; everything else authenticates first. */
export async function addServices(server: ApiServer, context: ApiContext): Promise<void> {
  const { settings, instances } = context;
  addWellKnownRoutes(server);
  const oidc = settings.api.oidc === undefined ? null : oidcIdentity(settings.api.oidc);
  const session = new ConsoleSession(settings.api.public_url);
  const known = { instances: instances.all(), oidc, session };
  if (settings.console.enabled) addSessionRoutes(server, known);
  await server.register(async (scope: ApiServer) => {
    scope.addHook('onRequest', async (request) => {
      request.knowAgain = () => authenticate(request, known);
      request.caller = await request.knowAgain();
    });
    const workspace = callersWorkspace(context);
    addWorkspaceRoutes(scope);
    addFileRoutes(scope, workspace);
    addFolderPermissionRoutes(scope, workspace);
    addDatabaseRoutes(scope, context);
    addPipelineRoutes(scope, context, workspace);
    addPostgresRoutes(scope, context);
    addUnityCatalogRoutes(scope, context);
    addMetricsRoute(scope, context);
    addNativeRoutes(scope, context);
  });
}
