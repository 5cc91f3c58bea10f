import { errorCatalogue } from '../../../core/error-catalogue.js';
import { asSyncedTablesError, type SyncedTablesError } from '../../../core/errors.js';
import { readInstalledSchema } from '../../../postgres/install/installed-schema.js';
import { newestKnownMigration } from '../../../postgres/install/migrate.js';
import { type DatabaseOverview, readDatabaseOverview } from '../../../postgres/registry/api/database-overview.js';
import { readInstanceDescription } from '../../../postgres/registry/api/instance-description.js';
import { listCatalogs } from '../../names/catalog-place.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { ApiDatabase } from '../../places/api-database.js';
import type { ApiInstance } from '../../places/api-instance.js';
import type { Caller } from '../../places/caller.js';
import { monitoredInstances } from '../../places/monitored-instances.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { type DatabasesReply, databasesReply } from './database-schema.js';

/** Servers and databases: whether the machinery itself is well. */
export function addDatabaseOverviewRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/databases`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'The instances and their databases: what is installed, who works on them, and how much there is to do',
        response: { 200: databasesReply },
      },
    },
    async ({ caller }) => {
      const instances = await monitoredInstances(context, caller);
      const known = await newestKnownMigration();
      const described = await Promise.all(instances.map((instance) => describe(instance, { known, context })));
      return {
        instances: [...described, ...unknownInstances(context, caller)],
        known_migration: known,
      };
    },
  );
}

/** Servers that did not answer when they were asked for the caller's role: that they are down is all that is told. */
function unknownInstances(context: ApiContext, { unreachable }: Caller): DatabasesReply['instances'] {
  return context.instances.all().flatMap(({ name, address }) => {
    const error = unreachable?.get(name);
    if (error === undefined) return [];
    const unknown = { pg_version: null, uid: null, creator: null, created_at: null, databases: [] };
    return [{ name, ...address, state: 'STOPPED' as const, ...unknown, problem: problemOf(error) }];
  });
}

interface Knowledge {
  readonly known: number;
  readonly context: ApiContext;
}

type Asked<Answer> =
  | { readonly answer: Answer; readonly problem: null }
  | { readonly answer: null; readonly problem: Problem };
type Problem = NonNullable<DatabasesReply['instances'][number]['problem']>;

async function describe(instance: ApiInstance, knowledge: Knowledge): Promise<DatabasesReply['instances'][number]> {
  const { host, port } = instance.address;
  const { answer, problem } = await asked(() => instance.home.asService(readInstanceDescription));
  const catalogs = await asked(() => listCatalogs(instance));
  const databases = await Promise.all(
    instance.databases().map(async (database) => {
      const names = (catalogs.answer ?? []).filter((catalog) => catalog.database === database.name);
      return describeDatabase(database, {
        ...knowledge,
        isHome: database === instance.home,
        catalogs: names.map(({ name }) => name),
      });
    }),
  );
  return {
    name: instance.name,
    host,
    port,
    state: problem === null ? 'AVAILABLE' : 'STOPPED',
    pg_version: answer?.version ?? null,
    uid: answer?.uid ?? null,
    creator: answer?.creator ?? null,
    created_at: answer?.createdAt ?? null,
    problem,
    databases,
  };
}

type DatabaseReply = DatabasesReply['instances'][number]['databases'][number];

async function describeDatabase(
  database: ApiDatabase,
  about: Knowledge & { readonly isHome: boolean; readonly catalogs: string[] },
): Promise<DatabaseReply> {
  const { answer, problem } = await asked(() =>
    database.asService(async (client) => {
      const installed = await readInstalledSchema(client);
      const migration = installed?.applied.at(-1)?.id ?? 0;
      return { ...(await readDatabaseOverview(client)), release: installed?.release ?? '', migration };
    }),
  );
  return {
    name: database.name,
    is_home: about.isHome,
    catalogs: about.catalogs,
    problem,
    sql_side: answer && {
      release: answer.release,
      migration: answer.migration,
      pending: Math.max(0, about.known - answer.migration),
      extension_version: answer.extensionVersion,
    },
    sidecars: answer === null ? [] : sidecarsOf(answer, about.context.sidecarId),
    queue: answer && {
      waiting: answer.queued,
      running: answer.running,
      oldest_wait_seconds: answer.oldestWaitSeconds,
    },
    synced_tables: answer?.syncedTables ?? null,
    streaming_tables: answer?.streamingTables ?? null,
    size_bytes: answer && exactNumberOf(answer.sizeBytes),
  };
}

function sidecarsOf({ sidecars }: DatabaseOverview, sidecarId: string): DatabaseReply['sidecars'] {
  return sidecars.map(({ holder, servesAll, leases, trouble }) => ({
    is_this: holder === sidecarId,
    serves_all: servesAll,
    leases,
    trouble,
  }));
}

/** What cannot be asked takes nothing from what the others answer. */
async function asked<Answer>(ask: () => Promise<Answer>): Promise<Asked<Answer>> {
  try {
    return { answer: await ask(), problem: null };
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known || errorCatalogue[known.code].status !== 503) throw error;
    return { answer: null, problem: problemOf(known) };
  }
}

function problemOf({ code, message, remedy }: SyncedTablesError): Problem {
  return { error_code: code, message, remedy };
}
