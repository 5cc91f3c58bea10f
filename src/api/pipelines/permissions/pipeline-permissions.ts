import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import {
  changeManager,
  notePrincipals,
  type PipelinePrincipal,
  readControl,
  readManagedTables,
  readPipelinePrincipals,
} from '../../../postgres/registry/api/pipeline-permissions.js';
import { permissionsOf } from '../../permissions/grants.js';
import type { Grant, PermissionsReply } from '../../permissions/permission-schema.js';
import type { Caller } from '../../places/caller.js';
import type { PlacedPipeline } from '../placed-pipeline.js';

/** A pipeline, or a job of one, whose permissions are asked for. */
export interface PermittedObject {
  readonly pipeline: PlacedPipeline;
  readonly id: string;
  readonly type: 'pipelines' | 'job';
  /** Who owns it. */
  readonly createdBy: string;
}

const MANAGE = 'CAN_MANAGE';
const OWNER = 'IS_OWNER';
/** Whose members may control everything. */
const ADMINISTRATORS: Grant = { kind: 'group_name', principal: 'databricks_superuser', level: MANAGE };

/** Who may do what with a pipeline: its owner, and those who may control all of it. */
export async function readPermissions(object: PermittedObject, caller: Caller): Promise<PermissionsReply> {
  const { database, record } = object.pipeline;
  const principals = await database.asService((client) => readPipelinePrincipals(client, record.pipelineId));
  const owner = await ownerOf(object, caller);
  const kindOf = ({ kind, isUser }: PipelinePrincipal) => kind ?? (isUser ? 'user_name' : 'group_name');
  const ownersKind = principals.find(({ principal }) => principal === owner)?.kind ?? 'user_name';
  const managers = principals
    .filter(({ principal, mayControl }) => mayControl && principal !== owner && principal !== ADMINISTRATORS.principal)
    .map((each): Grant => ({ kind: kindOf(each), principal: each.principal, level: MANAGE }));
  const given: Grant[] = [{ kind: ownersKind, principal: owner, level: OWNER }, ...managers];
  return permissionsOf({ id: object.id, type: object.type }, given, [ADMINISTRATORS]);
}

/**
 * Gives a pipeline other permissions: those who are to manage it become managers of its synced tables. With the rights of
 * the caller.
 * @param isReplacing whether those who are not named lose what they have
 * @throws REQUEST_INVALID, NOT_IMPLEMENTED, MANAGERS_NOT_YET, MANAGERS_WITHOUT_TABLE, OBJECT_NOT_FOUND, ACCESS_DENIED
 */
export async function changePermissions(
  object: PermittedObject,
  caller: Caller,
  grants: readonly Grant[],
  isReplacing: boolean,
): Promise<void> {
  const { database, record } = object.pipeline;
  const owner = await ownerOf(object, caller);
  requireOwner(object, owner, grants, isReplacing);
  const wanted = grants.filter(({ principal, level }) => level !== OWNER && principal !== owner);
  for (const grant of wanted) if (grant.level !== MANAGE) throw refuseLevel(grant);
  await database.asCaller(caller, async (client, asService) => {
    const control = await asService(() =>
      readControl(
        client,
        wanted.map(({ principal }) => principal),
        record.createdBy,
      ),
    );
    for (const grant of wanted) requirePrincipal(grant, control, record.kind);
    const tables = await asService(() => readManagedTables(client, record.pipelineId));
    const named = new Set(wanted.map(({ principal }) => principal));
    for (const { name, relation, hasFailed, managers } of tables) {
      const added = [...named].filter((manager) => !managers.includes(manager));
      const removed = isReplacing ? managers.filter((manager) => !named.has(manager)) : [];
      if (added.length + removed.length === 0) continue;
      if (relation === null)
        throw syncedTablesError(hasFailed ? 'MANAGERS_WITHOUT_TABLE' : 'MANAGERS_NOT_YET', { target: name });
      for (const manager of added) await changeManager(client, { relation, manager, isManager: true });
      for (const manager of removed) await changeManager(client, { relation, manager, isManager: false });
    }
    await asService(async () => {
      const before = isReplacing ? [] : await readPipelinePrincipals(client, record.pipelineId);
      const kept = before.flatMap(({ principal, kind }) =>
        kind === null || grants.some((grant) => grant.principal === principal) ? [] : [{ principal, kind }],
      );
      await notePrincipals(client, record.pipelineId, [...kept, ...grants]);
    });
  });
}

/** As the caller knows them: a caller without a token has another name than their role. */
async function ownerOf({ pipeline, createdBy }: PermittedObject, caller: Caller): Promise<string> {
  return (await pipeline.database.roleNameOf(caller)) === createdBy ? caller.name : createdBy;
}

function requireOwner({ type }: PermittedObject, owner: string, grants: readonly Grant[], isReplacing: boolean): void {
  const owners = grants.filter(({ level }) => level === OWNER);
  const what = type === 'job' ? 'job' : 'pipeline';
  if (owners.length > 1 || (isReplacing && owners.length === 0)) {
    throw syncedTablesError('REQUEST_INVALID', { reason: `The ${what} must have exactly one owner` });
  }
  const [other] = owners.filter(({ principal }) => principal !== owner);
  if (other === undefined) return;
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: `Another owner of a ${what}, "${other.principal}"`,
    reason: `it belongs to the role that created it, ${owner}`,
    alternative: `Delete it, and create it again as that role.`,
  });
}

function refuseLevel({ level, principal }: Grant) {
  const sees = 'whoever may SELECT from a table of the pipeline sees it, and whoever may control the table starts it';
  const isReading = /VIEW|READ/.test(level);
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: `${level} for "${principal}"`,
    reason: sees,
    alternative: isReading
      ? `Use SQL: GRANT SELECT ON the table TO ${quoteIdentifier(principal)}.`
      : `Give ${MANAGE}, which makes managers.`,
  });
}

/** @throws OBJECT_NOT_FOUND; NOT_IMPLEMENTED for flows, which have no managers */
function requirePrincipal(
  { principal }: Grant,
  control: ReadonlyMap<string, boolean>,
  kind: PlacedPipeline['record']['kind'],
): void {
  const mayControl = control.get(principal);
  if (mayControl === undefined) {
    throw syncedTablesError('OBJECT_NOT_FOUND', { reason: `role "${principal}" does not exist` });
  }
  if (kind === 'SYNCED_TABLES' || mayControl) return;
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: `${MANAGE} of a pipeline of flows for "${principal}"`,
    reason: 'those are controlled by their owner and by members of databricks_superuser',
    alternative: `Use SQL: GRANT databricks_superuser TO ${quoteIdentifier(principal)}.`,
  });
}
