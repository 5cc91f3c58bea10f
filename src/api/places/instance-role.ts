import { quoteIdentifier } from '../../core/names.js';
import type { ApiDatabase } from './api-database.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

type IdentityType = 'GROUP' | 'PG_ONLY' | 'SERVICE_PRINCIPAL' | 'USER';

interface RoleAttributes {
  readonly createdb: boolean;
  readonly createrole: boolean;
  readonly bypassrls: boolean;
}

/** A Postgres role used by people or programs, not a system role. */
export interface InstanceRole {
  readonly name: string;
  readonly oid: string;
  readonly canLogIn: boolean;
  readonly identityType: IdentityType;
  readonly isSuperuserMember: boolean;
  readonly attributes: RoleAttributes;
}

const SELECT_ROLES = `
  select r.rolname as name, r.oid::text, r.rolcanlogin as "canLogIn", coalesce(upper(i.identity_type), 'PG_ONLY') as "identityType",
         pg_catalog.pg_has_role(r.oid, 'databricks_superuser', 'member') as "isSuperuserMember",
         json_build_object('createdb', r.rolcreatedb, 'createrole', r.rolcreaterole, 'bypassrls', r.rolbypassrls) as attributes
    from pg_catalog.pg_roles r left join public.databricks_list_roles i on i.role_name = r.rolname
   where r.rolname !~ '^pg_' and r.rolname !~ '^databricks_' and ($1::text is null or r.rolname = $1)`;

/** Roles ordered by name; only `name` if given. */
export async function readInstanceRoles(database: ApiDatabase, name: string | null = null): Promise<InstanceRole[]> {
  const { rows } = await database.asService((client) => client.query<InstanceRole>(SELECT_ROLES, [name]));
  return rows;
}

export interface NewRole {
  readonly name: string;
  readonly identityType: IdentityType;
  readonly isSuperuserMember: boolean;
  readonly attributes: { readonly [Name in keyof RoleAttributes]?: boolean | undefined };
}

/** Creates a login role with the caller's rights: they need CREATEROLE and whatever they grant. */
export async function createInstanceRole(database: ApiDatabase, caller: Caller, role: NewRole): Promise<void> {
  const quoted = quoteIdentifier(role.name);
  const attributes = Object.entries(role.attributes).flatMap(([name, isSet]) => (isSet === true ? [name] : []));
  await database.asCaller(caller, async (client) => {
    if (role.identityType === 'PG_ONLY') await client.query(`create role ${quoted} login`);
    else await client.query('select public.databricks_create_role($1, $2)', [role.name, role.identityType]);
    if (attributes.length > 0) await client.query(`alter role ${quoted} ${attributes.join(' ')}`);
    if (role.isSuperuserMember) await client.query(`grant databricks_superuser to ${quoted}`);
  });
}

/** Drops a role with the caller's rights; what it owns in managed databases can be given to another role first. */
export async function dropInstanceRole(
  instance: ApiInstance,
  caller: Caller,
  role: { readonly name: string; readonly reassignOwnedTo: string | null },
): Promise<void> {
  const quoted = quoteIdentifier(role.name);
  if (role.reassignOwnedTo !== null) {
    const heir = quoteIdentifier(role.reassignOwnedTo);
    for (const database of instance.databases()) {
      await database.asCaller(caller, (client) => client.query(`reassign owned by ${quoted} to ${heir}`));
    }
  }
  await instance.home.asCaller(caller, (client) => client.query(`drop role ${quoted}`));
}
