import type pg from 'pg';
import type { Finding } from '../core/finding.js';
import type { Settings } from '../settings/settings-schema.js';
import { SIDECAR_APPLICATION } from '../sidecar/sidecar-session.js';
import {
  readLeftRoles,
  readOrphanedShadows,
  readScheduleTrouble,
  readSidecarFacts,
  readStuckUpdates,
  readTableHealth,
  readWaitingNotices,
  type StuckUpdate,
  type TableHealth,
} from './facts/sync-facts.js';
import { finding } from './finding.js';
import { formatBytes } from './format-bytes.js';

/** After this long, an update that has not started or a schedule that did not run is worth mentioning. */
const WAITING_SECONDS_LONG = 60;
const SCHEDULE_MINUTES_LATE = 2;
/** A CONTINUOUS table is behind for a moment after each commit of its source. */
const LAG_SECONDS_MAX = 60;
const SILENT_SECONDS_MIN = 60;
const FAILED_STATES = ['SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLED_OFFLINE'];

/**
 * Examines sidecars, the queue, the synced tables and leftovers of updates. For sessions that act as databricks_sync.
 */
export async function examineSync(client: pg.Client, subject: string, settings: Settings): Promise<Finding[]> {
  return [
    ...(await checkSidecars(client, subject, settings)),
    ...(await readStuckUpdates(client, WAITING_SECONDS_LONG)).map((stuck) => stuckFinding(stuck, subject)),
    ...(await checkSchedules(client, subject)),
    ...(await checkShadows(client, subject)),
    ...(await checkNotices(client, subject)),
    ...(await checkLeftRoles(client, subject)),
  ];
}

async function checkSidecars(client: pg.Client, subject: string, { sync }: Settings): Promise<Finding[]> {
  const facts = await readSidecarFacts(client, SIDECAR_APPLICATION);
  if (facts.sidecars === 0) {
    const { waiting, waitingMinutes: minutes } = facts;
    return [
      waiting > 0 ? finding('SIDECAR_NEEDED', subject, { waiting, minutes }) : finding('SIDECAR_MISSING', subject),
    ];
  }
  const seconds = facts.silentSeconds ?? 0;
  if (seconds > Math.max(SILENT_SECONDS_MIN, 3 * sync.poll_seconds)) {
    return [finding('SIDECAR_SILENT', subject, { seconds })];
  }
  return [finding('SIDECAR_RUNNING', subject, { count: facts.sidecars, leases: facts.leases })];
}

function stuckFinding(stuck: StuckUpdate, subject: string): Finding {
  const of = `${subject} ${stuck.of}`;
  const { update, seconds, attempts, catalogs, configured } = stuck;
  switch (stuck.kind) {
    case 'strange':
      return finding('UPDATE_OF_UNKNOWN_CATALOG', of, { update, catalogs, configured });
    case 'abandoned':
      return finding('UPDATE_ABANDONED', of, { update, seconds });
    case 'waiting':
      return finding('UPDATE_WAITING', of, { update, minutes: Math.floor(seconds / 60) });
    case 'retried':
      return finding('UPDATE_RETRIED', of, { update, attempts, reason: stuck.message });
  }
}

async function checkSchedules(client: pg.Client, subject: string): Promise<Finding[]> {
  const troubled = await readScheduleTrouble(client, SCHEDULE_MINUTES_LATE);
  return troubled.map(({ of, minutesLate, message }) => {
    const place = `${subject} ${of}`;
    return minutesLate === null
      ? finding('SCHEDULE_BROKEN', place, { reason: message ?? '' })
      : finding('SCHEDULE_LATE', place, { minutes: minutesLate });
  });
}

async function checkShadows(client: pg.Client, subject: string): Promise<Finding[]> {
  const shadows = await readOrphanedShadows(client);
  return shadows.map(({ name, bytes }) =>
    finding('SHADOW_ORPHANED', subject, { shadow: name, size: formatBytes(bytes) }),
  );
}

async function checkNotices(client: pg.Client, subject: string): Promise<Finding[]> {
  const { count, since } = await readWaitingNotices(client);
  return count === 0 ? [] : [finding('NOTICES_WAIT', subject, { count, since })];
}

async function checkLeftRoles(client: pg.Client, subject: string): Promise<Finding[]> {
  const [role, ...others] = await readLeftRoles(client);
  return role === undefined ? [] : [finding('ROLES_LEFT', subject, { count: others.length + 1, role })];
}

/** The status of the synced tables that the session's role may see. */
export async function examineTables(client: pg.Client, subject: string, settings: Settings): Promise<Finding[]> {
  const tables = await readTableHealth(client);
  const troubled = tables.flatMap((table) => tableFinding(table, `${subject} ${table.table}`) ?? []);
  const isFine = troubled.every(({ severity }) => severity === 'hint');
  return [
    ...(isFine ? [finding('TABLES_FINE', subject, { tables: tables.length })] : []),
    ...troubled,
    ...checkCatalogNames(tables, subject, settings),
    ...(tables.some(({ catalog }) => catalog !== null) ? [finding('DUMP_NEEDS_PARTITIONS', subject)] : []),
  ];
}

function tableFinding(health: TableHealth, subject: string): Finding | null {
  const { table, state, message, errorCode, remedy, policy, lagSeconds } = health;
  if (FAILED_STATES.includes(state)) {
    // Under the code of the error itself, as everywhere else.
    const code = errorCode ?? state;
    // The table's message contains the remedy, which has a line of its own here.
    const said = remedy === null ? message : message.replace(` ${remedy}`, () => '');
    return { severity: 'error', code, subject, message: said, remedy: remedy ?? `See synced-tables events ${table}.` };
  }
  if (health.changedSince !== null) {
    const by = { since: health.changedSince, role: health.changedBy ?? '' };
    return finding('TABLE_CHANGED_BY_HAND', subject, { table, ...by });
  }
  const { pausedSince: since, pausedBy } = health;
  if (since !== null) return finding('TABLE_PAUSED', subject, { table, role: pausedBy ?? '', since });
  const versions = health.lagVersions ?? '0';
  if (lagSeconds === null || lagSeconds <= LAG_SECONDS_MAX || versions === '0') return null;
  if (policy !== 'CONTINUOUS') return finding('TABLE_WAITS', subject, { table, versions });
  return finding('TABLE_BEHIND', subject, { table, versions, seconds: Math.round(lagSeconds) });
}

function checkCatalogNames(tables: readonly TableHealth[], subject: string, settings: Settings): Finding[] {
  const missing = new Map<string, string[]>();
  for (const { table, catalog } of tables) {
    if (catalog === null || Object.hasOwn(settings.catalogs, catalog)) continue;
    missing.set(catalog, [...(missing.get(catalog) ?? []), table]);
  }
  return [...missing].map(([catalog, names]) =>
    finding('CATALOG_NOT_CONFIGURED', subject, { catalog, tables: names.join(', ') }),
  );
}
