import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { describeInstance } from '../places/describe-instance.js';
import { pageOf, pageQuery } from '../wire/page.js';
import { nameParams, text } from '../wire/wire-fields.js';

const PATH = '/api/2.0/database/instances';
const tags = ['database'];

/** What the size of a server is called that nobody can choose here: the smallest that the real service has. */
const CAPACITY = 'CU_1';

const instanceReply = z.object({
  name: z.string(),
  uid: z.string().optional(),
  state: z.enum(['AVAILABLE', 'DELETING', 'FAILING_OVER', 'STARTING', 'STOPPED', 'UPDATING', 'UPGRADING']),
  creator: z.string().optional(),
  creation_time: z.string().optional(),
  pg_version: z.string().optional(),
  capacity: z.string(),
  effective_capacity: z.string(),
  read_write_dns: z.string(),
  read_only_dns: z.string(),
  effective_enable_pg_native_login: z.boolean(),
  effective_enable_readable_secondaries: z.boolean(),
  effective_node_count: z.number(),
  effective_stopped: z.boolean(),
});

const instanceListReply = z.object({
  database_instances: z.array(instanceReply),
  next_page_token: z.string().optional(),
});

/**
 * Instances: the Postgres servers of the settings (docs/reference/databricks-api.md#other-objects). They can be read,
 * not created or changed.
 */
export function addInstanceRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    PATH,
    { schema: { tags, summary: 'The instances', querystring: pageQuery, response: { 200: instanceListReply } } },
    async ({ query, caller }) => {
      const { items, next } = pageOf(context.instances.of(caller), ({ name }) => name, query);
      const instances = await Promise.all(items.map(toReply));
      return { database_instances: instances, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read an instance', params: nameParams, response: { 200: instanceReply } } },
    async ({ params, caller }) => toReply(context.instances.find(caller, params.name)),
  );
  server.get(
    // A double colon gives a literal colon: a single one begins a parameter.
    `${PATH}::findByUid`,
    {
      schema: {
        tags,
        summary: 'Find an instance by its uid',
        querystring: z.object({ uid: text }),
        response: { 200: instanceReply },
      },
    },
    async ({ query, caller }) => {
      const instances = await Promise.all(context.instances.of(caller).map(toReply));
      const found = instances.find(({ uid }) => uid === query.uid);
      if (!found) throw syncedTablesError('API_INSTANCE_NOT_FOUND', { instance: query.uid });
      return found;
    },
  );
  addRefusedCalls(server);
}

async function toReply(instance: ApiInstance): Promise<z.infer<typeof instanceReply>> {
  const description = await describeInstance(instance);
  return {
    name: instance.name,
    capacity: CAPACITY,
    effective_capacity: CAPACITY,
    read_write_dns: instance.address.host,
    read_only_dns: instance.address.host,
    effective_enable_pg_native_login: true,
    effective_enable_readable_secondaries: false,
    effective_node_count: 1,
    effective_stopped: description === null,
    state: description === null ? 'STOPPED' : 'AVAILABLE',
    ...(description === null
      ? {}
      : {
          uid: description.uid,
          creator: description.creator,
          creation_time: description.createdAt,
          pg_version: `PG_VERSION_${description.major}`,
        }),
  };
}

/** Calls that would create or change a server. */
function addRefusedCalls(server: ApiServer): void {
  const refused = [
    ['POST', PATH, 'Creating a database instance'],
    ['PATCH', `${PATH}/:name`, 'Changing a database instance'],
    ['DELETE', `${PATH}/:name`, 'Deleting a database instance'],
    ['POST', `${PATH}/:name/failover`, 'A failover'],
    ['PATCH', `${PATH}/:name/upgrade`, 'Upgrading a database instance'],
  ] as const;
  for (const [method, url, call] of refused) {
    server.route({
      method,
      url,
      schema: { tags, summary: 'Refused: instances are the servers of the settings' },
      handler: async () => {
        throw syncedTablesError('NOT_IMPLEMENTED', {
          call,
          reason: 'instances are the Postgres servers listed under "instances" in the settings of the sidecar',
          alternative: 'Set the server up yourself, and add it there.',
        });
      },
    });
  }
}
