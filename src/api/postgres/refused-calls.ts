import { syncedTablesError } from '../../core/errors.js';
import { BRANCH_ID } from '../names/resource-names.js';
import type { ApiServer } from '../places/api-context.js';

const PROJECTS = '/api/2.0/postgres/projects';
const BRANCH = `${PROJECTS}/:project_id/branches/:branch_id`;
const tags = ['postgres'];

const SERVERS = `each Postgres server under "instances" in the settings is one project with branch ${BRANCH_ID}`;
const SET_UP = 'Set the server up yourself, and add it there.';

/** Lists of what is never made, changed or deleted here, with the reason and what to do instead. */
const FIXED = [
  { list: PROJECTS, what: 'a project', reason: SERVERS, alternative: SET_UP },
  { list: `${PROJECTS}/:project_id/branches`, what: 'a branch', reason: SERVERS, alternative: SET_UP },
  { list: `${BRANCH}/endpoints`, what: 'an endpoint', reason: SERVERS, alternative: SET_UP },
  {
    list: `${BRANCH}/databases`,
    what: 'a database',
    reason: 'databases are created together with catalogs and synced tables, and dropped in Postgres',
    alternative: 'Create one with create_database_if_missing of a catalog, or CREATE DATABASE; change it with SQL.',
  },
  {
    list: `${BRANCH}/roles`,
    what: 'a role',
    reason: 'the database service makes and drops roles, and Postgres changes them',
    alternative: 'Use /api/2.0/database/instances/<name>/roles, or CREATE, ALTER and DROP ROLE.',
  },
] as const;

const CALLS = [
  ['POST', '', 'Creating'],
  ['PATCH', '/:refused_id', 'Changing'],
  ['DELETE', '/:refused_id', 'Deleting'],
] as const;

/** Calls that would create, change or delete a server or what only Postgres makes: all answered alike. */
export function addRefusedPostgresCalls(server: ApiServer): void {
  for (const { list, what, reason, alternative } of FIXED) {
    for (const [method, suffix, doing] of CALLS) {
      server.route({
        method,
        url: `${list}${suffix.replace('refused_id', idOf(list))}`,
        schema: { tags, summary: `Refused: ${reason}` },
        handler: async () => {
          throw syncedTablesError('NOT_IMPLEMENTED', { call: `${doing} ${what}`, reason, alternative });
        },
      });
    }
  }
  for (const url of [`${PROJECTS}/:project_id/undelete`, `${PROJECTS}/:project_id/branches/:branch_id/undelete`]) {
    server.post(url, { schema: { tags, summary: 'Refused: nothing is deleted here' } }, async () => {
      throw syncedTablesError('NOT_IMPLEMENTED', { call: 'Undeleting', reason: SERVERS, alternative: SET_UP });
    });
  }
  addRefusedUpdates(server);
  addAbsentParts(server);
}

/** Parts of the service that are about other things than synced tables; where each is, what it is, and what there is instead. */
const ABSENT = [
  {
    path: `${BRANCH}/databases/:member_id/cdf-configs`,
    what: 'Change data of Postgres tables in the lakehouse (CdfConfig)',
    alternative: 'Use logical replication of Postgres.',
  },
  {
    path: `${BRANCH}/databases/:member_id/data-api`,
    what: 'The Data API of a database',
    alternative: 'Connect to Postgres, or put an HTTP server of your own in front of it.',
  },
  {
    path: `${PROJECTS}/:project_id/snapshots`,
    what: 'Snapshots of a project',
    alternative: 'Use pg_dump or pg_basebackup.',
  },
  {
    path: `${BRANCH}/roles/:member_id/password`,
    what: 'Revealing the password of a role',
    alternative: 'Ask for a credential: POST /api/2.0/postgres/credentials.',
  },
] as const;

function addAbsentParts(server: ApiServer): void {
  for (const { path, what, alternative } of ABSENT) {
    const reason = 'synced tables flow from the lakehouse to Postgres, and the servers are yours';
    for (const url of [path, `${path}/*`]) {
      server.route({
        method: ['GET', 'POST', 'PATCH', 'DELETE'],
        url,
        schema: { tags, summary: `Refused: ${reason}`, hide: true },
        handler: async () => {
          throw syncedTablesError('NOT_IMPLEMENTED', { call: what, reason, alternative });
        },
      });
    }
  }
}

/** The parameter by which the other routes know the member of a list. */
function idOf(list: string): string {
  if (list === PROJECTS) return 'project_id';
  return list.endsWith('/branches') ? 'branch_id' : 'member_id';
}

/** Synced tables and catalogs are not changed by these calls, as on the real service. */
function addRefusedUpdates(server: ApiServer): void {
  for (const [url, what, reason, alternative] of [
    [
      'synced_tables',
      'a synced table',
      'the real service has no such call either',
      'Use PATCH /api/2.0/synced-tables/tables/<name>, or delete it and create it again.',
    ],
    [
      'catalogs',
      'a catalog',
      'it is a name for one database',
      'Delete it and create it again; the tables stay in between.',
    ],
  ] as const) {
    const summary = 'Not implemented, as on the real service';
    server.patch(`/api/2.0/postgres/${url}/:name`, { schema: { tags, summary } }, async () => {
      throw syncedTablesError('NOT_IMPLEMENTED', { call: `Changing ${what}`, reason, alternative });
    });
  }
}
