import type { ApiServer } from '../../src/api/places/api-context.js';
import { InstanceSet } from '../../src/api/places/api-instance.js';
import { buildServer } from '../../src/api/server/http-server.js';
import { createLogger } from '../../src/observability/logger.js';
import { settingsSchema } from '../../src/settings/settings-schema.js';

const noSource = () => Promise.reject(new Error('no source'));

/**
 * The server without a network and without any instance: for what needs no database.
 * @param settings in the form of the settings file
 */
export async function buildTestServer(settings: object = {}): Promise<ApiServer & AsyncDisposable> {
  const host = { instances: [], databases: () => [], adopt: () => Promise.reject(new Error('no instance')) };
  const context = {
    instances: new InstanceSet(host),
    sources: {
      browser: () => null,
      check: async () => {},
      describe: noSource,
      previewRows: noSource,
      sample: noSource,
    },
    settings: settingsSchema.parse(settings),
    logger: createLogger('silent'),
    examine: async () => [],
    sidecarId: '00000000-0000-4000-8000-000000000000',
  };
  const server = await buildServer({ notReady: () => [], degraded: () => [] }, context);
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}
