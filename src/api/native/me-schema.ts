import { z } from 'zod';

/** Why something could not be asked. */
const problem = z.object({ error_code: z.string(), message: z.string() });

const databaseRights = z.object({
  name: z.string(),
  /** Absent if the database could not be asked. */
  may: z
    .object({
      create: z.boolean().describe('Create synced tables here, and so see their sources'),
      operate: z.boolean().describe('Sync, pause and delete tables that others created'),
      manage: z
        .boolean()
        .describe('Sync and delete tables that the caller created or manages; databricks_superuser: all'),
      monitor: z.boolean().describe('See the state of the server'),
    })
    .optional(),
  problem: problem.optional(),
});

const instanceRights = z.object({
  name: z.string(),
  role: z.string().optional().describe('The Postgres role that the calls act as; absent if the server cannot be asked'),
  may: z.object({ tokens: z.boolean().describe('See, make and revoke tokens') }).optional(),
  databases: z.array(databaseRights),
  problem: problem.optional(),
});

/** Who calls, and what they may do. */
export const meReply = z.object({
  name: z.string(),
  kind: z.enum(['token', 'oidc', 'local']).describe('local: no token exists yet, and this machine is served without'),
  is_session: z.boolean().describe('Whether the session of the web console made the call'),
  has_tokens: z.boolean().describe('Whether a token was ever made; from then on every call needs one'),
  may: z.object({
    create: z.boolean().describe('Create synced tables in at least one database'),
    see_sources: z.boolean(),
    operate: z.boolean(),
    manage: z.boolean().describe('Sync and delete tables in at least one database'),
    monitor: z.boolean(),
    tokens: z.boolean(),
  }),
  instances: z.array(instanceRights),
  catalogs: z.array(z.string()).describe('The configured catalogs of sources, for callers who may see sources'),
  sample_rows: z.boolean().describe('Whether the settings allow to look at rows of sources'),
  version: z.string().describe('Release of the sidecar'),
  history_days: z.int().describe('How long ended updates and events are kept'),
});

export type MeReply = z.infer<typeof meReply>;
