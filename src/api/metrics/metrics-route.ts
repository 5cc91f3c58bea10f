import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { SidecarMetrics } from './sidecar-metrics.js';

/** `GET /metrics`, for Prometheus: see docs/guides/metrics.md. */
export function addMetricsRoute(server: ApiServer, context: ApiContext): void {
  const metrics = new SidecarMetrics(context.sidecarId);
  server.addHook('onClose', async () => metrics[Symbol.dispose]());
  server.get('/metrics', { schema: { hide: true } }, async ({ caller }, reply) => {
    const instances = await monitoredBy(context, caller);
    const text = await metrics.scrape(instances.flatMap((instance) => instance.databases()));
    return reply
      .type(metrics.contentType)
      .serializer((body: string) => body)
      .send(text);
  });
}

/**
 * The instances that a caller may watch, with all their tables.
 * @throws ACCESS_DENIED when there is none
 */
async function monitoredBy(context: ApiContext, caller: Caller): Promise<ApiInstance[]> {
  const instances = context.instances.of(caller);
  if (caller.kind === 'local') return instances;
  const found = await Promise.all(
    instances.map(async (instance) => {
      const { rows } = await instance.home.asCaller(caller, (client) =>
        client.query<{ may: boolean }>(
          `select pg_catalog.pg_has_role('pg_monitor', 'usage') or pg_catalog.pg_has_role('databricks_superuser', 'usage') as may`,
        ),
      );
      return rows[0]?.may === true ? [instance] : [];
    }),
  );
  if (found.flat().length > 0) return found.flat();
  const reason = `${caller.name} is a member of neither pg_monitor nor databricks_superuser`;
  throw syncedTablesError('ACCESS_DENIED', { reason });
}
