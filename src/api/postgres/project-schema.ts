import { z } from 'zod';

// Projects and what is in them, as the `postgres` service shows them (docs/reference/databricks-api.md#postgres-service).
// Times of databases and roles are left out: Postgres does not keep them.

const named = z.object({ name: z.string(), uid: z.string().optional() });
const timed = { create_time: z.string().optional(), update_time: z.string().optional() };

export const project = named.extend({
  project_id: z.string(),
  ...timed,
  status: z.object({
    project_id: z.string(),
    display_name: z.string(),
    pg_version: z.int().optional(),
    owner: z.string().optional(),
    default_branch: z.string(),
    enable_pg_native_login: z.boolean(),
  }),
});

export const branch = named.extend({
  branch_id: z.string(),
  parent: z.string(),
  ...timed,
  status: z.object({
    branch_id: z.string(),
    current_state: z.enum(['READY', 'INIT']),
    state_change_time: z.string().optional(),
    default: z.boolean(),
    is_protected: z.boolean(),
  }),
});

export const endpoint = named.extend({
  endpoint_id: z.string(),
  parent: z.string(),
  ...timed,
  status: z.object({
    endpoint_id: z.string(),
    current_state: z.enum(['ACTIVE', 'IDLE']),
    endpoint_type: z.literal('ENDPOINT_TYPE_READ_WRITE'),
    disabled: z.boolean(),
    hosts: z.object({ host: z.string() }),
  }),
});

export const database = named.extend({
  database_id: z.string(),
  parent: z.string(),
  status: z.object({ database_id: z.string(), postgres_database: z.string(), role: z.string().optional() }),
});

export const role = named.extend({
  role_id: z.string(),
  parent: z.string(),
  status: z.object({
    role_id: z.string(),
    postgres_role: z.string(),
    identity_type: z.enum(['GROUP', 'SERVICE_PRINCIPAL', 'USER']).optional(),
    auth_method: z.enum(['LAKEBASE_OAUTH_V1', 'PG_PASSWORD_SCRAM_SHA_256', 'NO_LOGIN']),
    attributes: z.object({ createdb: z.boolean(), createrole: z.boolean(), bypassrls: z.boolean() }),
    membership_roles: z.array(z.string()),
  }),
});
