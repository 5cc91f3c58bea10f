import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { InstanceDescription } from '../../postgres/registry/api/instance-description.js';
import { BRANCH_ID, branchNameOf, ENDPOINT_ID, projectIdOf } from '../names/resource-names.js';
import type { ApiInstance } from '../places/api-instance.js';
import { describeInstance } from '../places/describe-instance.js';
import { type InstanceRole, readInstanceRoles } from '../places/instance-role.js';
import type { branch, database, endpoint, project, role } from './project-schema.js';

export async function projectOf(instance: ApiInstance): Promise<z.output<typeof project>> {
  const description = await describeInstance(instance);
  const id = projectIdOf(instance);
  return {
    name: `projects/${id}`,
    project_id: id,
    ...lifeOf(description),
    ...(description === null ? {} : { uid: description.uid }),
    status: {
      project_id: id,
      display_name: instance.name,
      default_branch: branchNameOf(instance),
      enable_pg_native_login: true,
      ...(description === null ? {} : { pg_version: description.major, owner: description.creator }),
    },
  };
}

export async function branchOf(instance: ApiInstance): Promise<z.output<typeof branch>> {
  const description = await describeInstance(instance);
  const name = branchNameOf(instance);
  return {
    name,
    branch_id: BRANCH_ID,
    parent: `projects/${projectIdOf(instance)}`,
    ...lifeOf(description),
    ...uidOf(description, name),
    status: {
      branch_id: BRANCH_ID,
      current_state: 'READY',
      default: true,
      is_protected: false,
      ...(description === null ? {} : { state_change_time: description.createdAt }),
    },
  };
}

export async function endpointOf(instance: ApiInstance): Promise<z.output<typeof endpoint>> {
  const description = await describeInstance(instance);
  const parent = branchNameOf(instance);
  const name = `${parent}/endpoints/${ENDPOINT_ID}`;
  return {
    name,
    endpoint_id: ENDPOINT_ID,
    parent,
    ...lifeOf(description),
    ...uidOf(description, name),
    status: {
      endpoint_id: ENDPOINT_ID,
      current_state: 'ACTIVE',
      endpoint_type: 'ENDPOINT_TYPE_READ_WRITE',
      disabled: false,
      hosts: { host: instance.address.host },
    },
  };
}

export async function databasesOf(instance: ApiInstance): Promise<z.output<typeof database>[]> {
  const description = await describeInstance(instance);
  const parent = branchNameOf(instance);
  const names = instance.databases().map(({ name }) => name);
  const { rows } = await instance.home.asService((client) =>
    client.query<{ name: string; oid: string; owner: string }>(
      `select datname as name, oid::text, pg_catalog.pg_get_userbyid(datdba) as owner from pg_catalog.pg_database
        where datname = any ($1::text[])`,
      [names],
    ),
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  return names.map((name) => {
    const found = known.get(name);
    return {
      name: `${parent}/databases/${name}`,
      database_id: name,
      parent,
      ...uidOf(found ? description : null, `database ${found?.oid}`),
      status: {
        database_id: name,
        postgres_database: name,
        ...(found ? { role: `${parent}/roles/${found.owner}` } : {}),
      },
    };
  });
}

export async function rolesOf(instance: ApiInstance): Promise<z.output<typeof role>[]> {
  const description = await describeInstance(instance);
  const parent = branchNameOf(instance);
  const roles = await readInstanceRoles(instance.home);
  return roles.map((found) => ({
    name: `${parent}/roles/${found.name}`,
    role_id: found.name,
    parent,
    ...uidOf(description, `role ${found.oid}`),
    status: {
      role_id: found.name,
      postgres_role: found.name,
      ...(found.identityType === 'PG_ONLY' ? {} : { identity_type: found.identityType }),
      auth_method: authMethodOf(found),
      attributes: found.attributes,
      membership_roles: found.isSuperuserMember ? ['DATABRICKS_SUPERUSER'] : [],
    },
  }));
}

function authMethodOf({ identityType, canLogIn }: InstanceRole) {
  if (!canLogIn) return 'NO_LOGIN' as const;
  return identityType === 'PG_ONLY' ? ('PG_PASSWORD_SCRAM_SHA_256' as const) : ('LAKEBASE_OAUTH_V1' as const);
}

/** An instance has been what it is since its home database was made ready. */
function lifeOf(description: InstanceDescription | null) {
  return description === null ? {} : { create_time: description.createdAt, update_time: description.createdAt };
}

/** The uid of something on an instance, the same whenever it is asked for. */
function uidOf(description: InstanceDescription | null, what: string): { readonly uid?: string } {
  if (description === null) return {};
  const hash = createHash('sha256').update(`${description.uid} ${what}`).digest('hex');
  // In the form of a UUID of version 8: one that somebody has made up.
  return {
    uid: [
      hash.slice(0, 8),
      hash.slice(8, 12),
      `8${hash.slice(13, 16)}`,
      `a${hash.slice(17, 20)}`,
      hash.slice(20, 32),
    ].join('-'),
  };
}
