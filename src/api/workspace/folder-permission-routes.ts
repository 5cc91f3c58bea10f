import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import { permissionsOf, readGrants } from '../permissions/grants.js';
import {
  type Grant,
  PERMISSIONS_PATH,
  permissionLevelsReply,
  permissionsInput,
  permissionsReply,
} from '../permissions/permission-schema.js';
import type { ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { text } from '../wire/wire-fields.js';

const tags = ['permissions'];
const params = z.object({ object_id: text });
/** By the names that clients give to what they ask about. */
const KINDS = { directories: 'directory', files: 'file' } as const;
const LEVELS = { CAN_MANAGE: 'May read, change and delete all that is in it' };

/**
 * Who may use a folder or a file: its owner, whom requests may name; nobody can be added. A folder of several callers is
 * one below /Workspace/Shared.
 */
export function addFolderPermissionRoutes(server: ApiServer, workspace: CallersWorkspace): void {
  for (const [segment, type] of Object.entries(KINDS)) {
    const url = `${PERMISSIONS_PATH}/${segment}/:object_id`;
    const reply = async (caller: Caller, objectId: string) => {
      const entry = await workspace.files().find(workspace.as(caller), objectId);
      return permissionsOf({ id: `/${segment}/${objectId}`, type }, [], [ownerOf(entry.path, caller)]);
    };
    server.get(
      url,
      { schema: { tags, summary: `Who may use a ${type}`, params, response: { 200: permissionsReply } } },
      ({ params: { object_id }, caller }) => reply(caller, object_id),
    );
    for (const method of ['PUT', 'PATCH'] as const) {
      server.route({
        method,
        url,
        schema: {
          tags,
          summary: `Confirm who may use a ${type}: its owner; nobody can be added`,
          params,
          body: permissionsInput,
          response: { 200: permissionsReply },
        },
        handler: async ({ params: { object_id }, body, caller }) => {
          const told = await reply(caller, object_id);
          refuseOthers(readGrants(body), caller);
          return told;
        },
      });
    }
    server.get(
      `${url}/permissionLevels`,
      {
        schema: {
          tags,
          summary: `What there is to give for a ${type}`,
          params,
          response: { 200: permissionLevelsReply },
        },
      },
      async () => ({
        permission_levels: Object.entries(LEVELS).map(([permission_level, description]) => ({
          permission_level,
          description,
        })),
      }),
    );
  }
}

function ownerOf(path: string, { name }: Caller): Grant {
  const isShared = /^(\/Workspace)?\/Shared(\/|$)/.test(path);
  return isShared
    ? { kind: 'group_name', principal: 'databricks_superuser', level: 'CAN_MANAGE' }
    : { kind: 'user_name', principal: name, level: 'CAN_MANAGE' };
}

/** @throws NOT_IMPLEMENTED */
function refuseOthers(grants: readonly Grant[], { name }: Caller): void {
  const other = grants.find(({ principal }) => principal !== name && principal !== 'admins');
  if (other === undefined) return;
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: `${other.level} on a folder for "${other.principal}"`,
    reason: `a home is seen by nobody but its owner, here ${name}`,
    alternative:
      'Keep what several callers use below /Workspace/Shared (workspace.root_path of a bundle), which all see who may create synced tables.',
  });
}
