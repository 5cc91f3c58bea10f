import { accessErrors } from './errors/access-errors.js';
import { apiErrors } from './errors/api-errors.js';
import { autoCdcRunErrors } from './errors/auto-cdc-run-errors.js';
import { catalogErrors } from './errors/catalog-errors.js';
import { changeErrors } from './errors/change-errors.js';
import { chosenRowErrors } from './errors/chosen-row-errors.js';
import { connectionErrors } from './errors/connection-errors.js';
import { embeddedErrors } from './errors/embedded-errors.js';
import { engineErrors } from './errors/engine-errors.js';
import type { ErrorKind } from './errors/error-kind.js';
import { flowErrors } from './errors/flow-errors.js';
import { icebergErrors } from './errors/iceberg-errors.js';
import { keyErrors } from './errors/key-errors.js';
import { leavingErrors } from './errors/leaving-errors.js';
import { migrationErrors } from './errors/migration-errors.js';
import { noticeErrors } from './errors/notice-errors.js';
import { objectStoreErrors } from './errors/object-store-errors.js';
import { remoteErrors } from './errors/remote-errors.js';
import { requestErrors } from './errors/request-errors.js';
import { scheduleErrors } from './errors/schedule-errors.js';
import { settingsErrors } from './errors/settings-errors.js';
import { sharingErrors } from './errors/sharing-errors.js';
import { snapshotVersionErrors } from './errors/snapshot-version-errors.js';
import { sourceErrors } from './errors/source-errors.js';
import { targetErrors } from './errors/target-errors.js';
import { unityErrors } from './errors/unity-errors.js';
import { usageErrors } from './errors/usage-errors.js';
import { verifyErrors } from './errors/verify-errors.js';
import { workspaceErrors } from './errors/workspace-errors.js';

export type { ErrorKind, RetryClass } from './errors/error-kind.js';

/**
 * Every error that a user can meet, one file per topic in src/core/errors/. Codes are never reused and never renamed.
 */
export const errorCatalogue = {
  ...settingsErrors,
  ...usageErrors,
  ...sourceErrors,
  ...icebergErrors,
  ...engineErrors,
  ...catalogErrors,
  ...sharingErrors,
  ...remoteErrors,
  ...objectStoreErrors,
  ...changeErrors,
  ...embeddedErrors,
  ...flowErrors,
  ...snapshotVersionErrors,
  ...keyErrors,
  ...connectionErrors,
  ...targetErrors,
  ...requestErrors,
  ...scheduleErrors,
  ...chosenRowErrors,
  ...verifyErrors,
  ...noticeErrors,
  ...migrationErrors,
  ...leavingErrors,
  ...apiErrors,
  ...accessErrors,
  ...workspaceErrors,
  ...unityErrors,
  ...autoCdcRunErrors,
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorCatalogue;

interface ErrorTopic {
  readonly title: string;
  readonly errors: Readonly<Record<string, ErrorKind>>;
}

/** The same errors under the headings and in the order of docs/reference/errors.md, which is generated from here. */
export const errorTopics: readonly ErrorTopic[] = [
  { title: 'Settings', errors: settingsErrors },
  { title: 'Command line', errors: usageErrors },
  { title: 'Notices', errors: noticeErrors },
  { title: 'Source tables', errors: sourceErrors },
  { title: 'Iceberg tables', errors: icebergErrors },
  { title: 'Memory, disk and open files', errors: engineErrors },
  { title: 'Catalogs of source tables', errors: catalogErrors },
  { title: 'Delta Sharing', errors: sharingErrors },
  { title: 'Tables that a server reads', errors: remoteErrors },
  { title: 'Object stores', errors: objectStoreErrors },
  { title: 'Following a source by its changes', errors: changeErrors },
  { title: 'Keys and values', errors: keyErrors },
  { title: 'Connections to Postgres', errors: connectionErrors },
  { title: 'Writing synced tables', errors: targetErrors },
  { title: 'Requests for tables, updates and deletions', errors: requestErrors },
  { title: 'Schedules', errors: scheduleErrors },
  { title: 'Choosing columns and rows', errors: chosenRowErrors },
  { title: 'Comparing a table with its source', errors: verifyErrors },
  { title: 'AUTO CDC: declaring pipelines and flows', errors: flowErrors },
  { title: 'AUTO CDC: applying events and snapshots', errors: autoCdcRunErrors },
  { title: 'AUTO CDC: versions of snapshots', errors: snapshotVersionErrors },
  { title: 'Installing and upgrading', errors: migrationErrors },
  { title: 'Leaving', errors: leavingErrors },
  { title: 'Embedded PostgreSQL', errors: embeddedErrors },
  { title: 'HTTP API', errors: apiErrors },
  { title: 'HTTP API: callers and their rights', errors: accessErrors },
  { title: 'HTTP API: files of callers', errors: workspaceErrors },
  { title: 'HTTP API: Unity Catalog', errors: unityErrors },
];
