import { z } from 'zod';
import { maybe, text } from '../wire/wire-fields.js';

// Lists of who may do what with an object (docs/reference/databricks-api.md#permissions).

export const PERMISSIONS_PATH = '/api/2.0/permissions';

const LEVELS_MAX = 1_000;

/** One of the three names a principal. */
const entry = z.object({
  user_name: maybe(text),
  group_name: maybe(text),
  service_principal_name: maybe(text),
  permission_level: text,
});

export const permissionsInput = z.object({ access_control_list: maybe(z.array(entry).max(LEVELS_MAX)) });

const permission = z.object({
  permission_level: z.string(),
  inherited: z.boolean(),
  inherited_from_object: z.array(z.string()).optional(),
});

export const permissionsReply = z.object({
  object_id: z.string(),
  object_type: z.string(),
  access_control_list: z.array(
    z.object({
      user_name: z.string().optional(),
      group_name: z.string().optional(),
      service_principal_name: z.string().optional(),
      display_name: z.string().optional(),
      all_permissions: z.array(permission),
    }),
  ),
});

export type PermissionsReply = z.output<typeof permissionsReply>;

export const permissionLevelsReply = z.object({
  permission_levels: z.array(z.object({ permission_level: z.string(), description: z.string() })),
});

export type PrincipalKind = 'user_name' | 'group_name' | 'service_principal_name';

/** Who is given what. */
export interface Grant {
  readonly kind: PrincipalKind;
  readonly principal: string;
  readonly level: string;
}
