import type { ApiContext, ApiServer } from '../places/api-context.js';
import { monitoredInstances } from '../places/monitored-instances.js';
import { SidecarMetrics } from './sidecar-metrics.js';

/** `GET /metrics`, for Prometheus: see docs/guides/metrics.md. */
export function addMetricsRoute(server: ApiServer, context: ApiContext): void {
  const metrics = new SidecarMetrics(context.sidecarId);
  server.addHook('onClose', async () => metrics[Symbol.dispose]());
  server.get('/metrics', { schema: { hide: true } }, async ({ caller }, reply) => {
    const instances = await monitoredInstances(context, caller);
    const text = await metrics.scrape(instances.flatMap((instance) => instance.databases()));
    return reply
      .type(metrics.contentType)
      .serializer((body: string) => body)
      .send(text);
  });
}
