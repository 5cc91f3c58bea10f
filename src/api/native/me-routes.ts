import { asSyncedTablesError, type SyncedTablesError } from '../../core/errors.js';
import { ownRelease } from '../../postgres/install/migration-files.js';
import { type CallerRights, readCallerRights } from '../../postgres/registry/api/caller-rights.js';
import { findTokenRoles } from '../identity/token-roles.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { type MeReply, meReply } from './me-schema.js';

/** Who the caller is and what they may do, in one reply: for pages that show only what is possible. */
export function addMeRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    '/api/2.0/synced-tables/me',
    { schema: { tags: ['synced-tables'], summary: 'The caller and their rights', response: { 200: meReply } } },
    async ({ caller }) => readMe(context, caller),
  );
}

async function readMe(context: ApiContext, caller: Caller): Promise<MeReply> {
  const asked = await Promise.all(context.instances.of(caller).map((each) => readInstance(each, caller)));
  const unknown: MeReply['instances'] = [...(caller.unreachable ?? [])].map(([name, error]) => ({
    name,
    databases: [],
    problem: problemOf(error),
  }));
  const instances = [...asked, ...unknown];
  const databases = instances.flatMap((instance) => instance.databases);
  const anywhere = (right: 'create' | 'operate' | 'manage' | 'monitor') =>
    databases.some(({ may }) => may?.[right] === true);
  const create = anywhere('create');
  return {
    name: caller.name,
    kind: caller.kind,
    is_session: caller.isSession === true,
    has_tokens: await hasTokens(context, caller),
    may: {
      create,
      // Whoever may create a synced table could have any source copied.
      see_sources: create,
      operate: anywhere('operate'),
      manage: anywhere('manage'),
      monitor: anywhere('monitor'),
      tokens: instances.some(({ may }) => may?.tokens === true),
    },
    instances,
    catalogs: create ? Object.keys(context.settings.catalogs).sort() : [],
    sample_rows: context.settings.console.sample_rows,
    version: ownRelease(),
    history_days: context.settings.sync.history_days,
  };
}

async function hasTokens({ instances }: ApiContext, { kind }: Caller): Promise<boolean> {
  if (kind !== 'oidc') return kind === 'token';
  return (await findTokenRoles(instances.all(), null)).hasTokens;
}

/** A server or database that cannot be asked takes nothing from what the others answer. */
async function readInstance(instance: ApiInstance, caller: Caller): Promise<MeReply['instances'][number]> {
  const { name, home } = instance;
  const asked = await withProblem(() => readRights(home, caller));
  const databases = await Promise.all(
    instance.databases().map(async (database) => {
      const answer = database === home ? asked : await withProblem(() => readRights(database, caller));
      if ('problem' in answer) return { name: database.name, ...answer };
      const { create, operate, manage, monitor } = answer.rights;
      return { name: database.name, may: { create, operate, manage, monitor } };
    }),
  );
  if ('problem' in asked) return { name, databases, ...asked };
  return { name, role: asked.role, may: { tokens: asked.rights.tokens }, databases };
}

async function readRights(
  database: ApiDatabase,
  caller: Caller,
): Promise<{ readonly role: string; readonly rights: CallerRights }> {
  const role = await database.roleNameOf(caller);
  return { role, rights: await database.asService((client) => readCallerRights(client, role)) };
}

type Problem = { readonly problem: { readonly error_code: string; readonly message: string } };

async function withProblem<Result>(ask: () => Promise<Result>): Promise<Result | Problem> {
  try {
    return await ask();
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return { problem: problemOf(known) };
  }
}

function problemOf({ code, message, remedy }: SyncedTablesError): Problem['problem'] {
  return { error_code: code, message: `${message} ${remedy}`.trim() };
}
