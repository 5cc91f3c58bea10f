import type { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { Grant, PermissionsReply, PrincipalKind, permissionsInput } from './permission-schema.js';

const KINDS: readonly PrincipalKind[] = ['user_name', 'group_name', 'service_principal_name'];

/**
 * The entries of a request, each with one principal.
 * @throws REQUEST_INVALID
 */
export function readGrants({ access_control_list }: z.output<typeof permissionsInput>): Grant[] {
  const grants = (access_control_list ?? []).map((entry): Grant => {
    const [kind, ...others] = KINDS.filter((each) => entry[each] !== undefined && entry[each] !== '');
    if (kind === undefined || others.length > 0) {
      const reason = 'access_control_list: each entry names one of user_name, group_name and service_principal_name';
      throw syncedTablesError('REQUEST_INVALID', { reason });
    }
    return { kind, principal: entry[kind] ?? '', level: entry.permission_level };
  });
  const twice = grants.find(({ principal }, n) => grants.findIndex((each) => each.principal === principal) !== n);
  if (twice === undefined) return grants;
  const reason = `access_control_list: "${twice.principal}" stands in it more than once`;
  throw syncedTablesError('REQUEST_INVALID', { reason });
}

/** A list as replies have it: what was given, and what holds anyway. */
export function permissionsOf(
  object: { readonly id: string; readonly type: string },
  given: readonly Grant[],
  inherited: readonly Grant[],
): PermissionsReply {
  const entry = ({ kind, principal, level }: Grant, isInherited: boolean) => ({
    [kind]: principal,
    ...(kind === 'group_name' ? {} : { display_name: principal }),
    all_permissions: [{ permission_level: level, inherited: isInherited }],
  });
  return {
    object_id: object.id,
    object_type: object.type,
    access_control_list: [
      ...given.map((grant) => entry(grant, false)),
      ...inherited.map((grant) => entry(grant, true)),
    ],
  };
}
