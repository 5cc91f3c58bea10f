import { z } from 'zod';
import { readGrants } from '../../permissions/grants.js';
import {
  PERMISSIONS_PATH,
  permissionLevelsReply,
  permissionsInput,
  permissionsReply,
} from '../../permissions/permission-schema.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { findJob } from '../jobs/placed-job.js';
import { findPipeline } from '../placed-pipeline.js';
import { changePermissions, type PermittedObject, readPermissions } from './pipeline-permissions.js';

const tags = ['permissions'];
const pipelineParams = z.object({ object_id: z.string().max(100) });
const jobParams = z.object({ object_id: z.string().regex(/^\d{1,18}$/) });

const LEVELS = [
  { permission_level: 'CAN_MANAGE', description: 'May start, schedule and delete what the pipeline syncs' },
  { permission_level: 'IS_OWNER', description: 'Created it' },
];

/** Who may do what with pipelines and jobs, as bundles and Terraform ask for it. */
export function addPermissionRoutes(server: ApiServer, context: ApiContext): void {
  addObject(server, 'pipelines', pipelineParams, async (caller, id) => {
    const pipeline = await findPipeline(context, caller, id);
    const { pipelineId, createdBy } = pipeline.record;
    return { pipeline, id: `/pipelines/${pipelineId}`, type: 'pipelines', createdBy };
  });
  addObject(server, 'jobs', jobParams, async (caller, id) => {
    const { job } = await findJob(context, caller, BigInt(id));
    const pipeline = await findPipeline(context, caller, job.pipelineId);
    return { pipeline, id: `/jobs/${job.jobId}`, type: 'job', createdBy: job.createdBy };
  });
}

function addObject(
  server: ApiServer,
  segment: 'pipelines' | 'jobs',
  params: typeof pipelineParams,
  find: (caller: Caller, id: string) => Promise<PermittedObject>,
): void {
  const url = `${PERMISSIONS_PATH}/${segment}/:object_id`;
  const what = segment === 'jobs' ? 'job' : 'pipeline';
  server.get(
    url,
    { schema: { tags, summary: `Who may do what with a ${what}`, params, response: { 200: permissionsReply } } },
    async ({ params: { object_id }, caller }) => readPermissions(await find(caller, object_id), caller),
  );
  for (const method of ['PUT', 'PATCH'] as const) {
    const isReplacing = method === 'PUT';
    server.route({
      method,
      url,
      schema: {
        tags,
        summary: `${isReplacing ? 'Set' : 'Add to'} who may do what with a ${what}: CAN_MANAGE makes managers of its tables`,
        params,
        body: permissionsInput,
        response: { 200: permissionsReply },
      },
      handler: async ({ params: { object_id }, body, caller }) => {
        const object = await find(caller, object_id);
        await changePermissions(object, caller, readGrants(body), isReplacing);
        return readPermissions(object, caller);
      },
    });
  }
  server.get(
    `${url}/permissionLevels`,
    {
      schema: {
        tags,
        summary: `What there is to give for a ${what}`,
        params,
        response: { 200: permissionLevelsReply },
      },
    },
    async () => ({ permission_levels: LEVELS }),
  );
}
