import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { countFreeSessions } from '../postgres/session/free-sessions.js';
import type { Settings } from '../settings/settings-schema.js';
import { sessionsOf } from '../sidecar/session-plan.js';
import { readIdleSlots, readServerFacts, type ServerFacts } from './facts/server-facts.js';
import { errorFinding, finding } from './finding.js';
import { formatBytes } from './format-bytes.js';

const VERSION_NUMBER_MIN = 150_000;
const CLOCK_DIFFERENCE_MS_MAX = 2_000;
const WAL_BYTES_HINTED = 1024 ** 3;
const IDLE_SLOT_BYTES_MIN = 1024 ** 3;

export interface ServerToExamine {
  readonly client: pg.Client;
  readonly settings: Settings;
  /** Name of the instance. */
  readonly subject: string;
  /** How many of its databases are managed. */
  readonly databases: number;
}

/** Examines a server: version, settings, connections, clock, replication slots. */
export async function examineServer(server: ServerToExamine): Promise<Finding[]> {
  const { client, subject } = server;
  const before = Date.now();
  const facts = await readServerFacts(client);
  const after = Date.now();
  if (facts.versionNumber < VERSION_NUMBER_MIN) {
    const details = { database: subject, version: facts.version };
    return [errorFinding(syncedTablesError('DATABASE_TOO_OLD', details), subject)];
  }
  // A difference within the round trip does not mean that a clock is wrong.
  const differenceMs = Math.max(0, before - facts.clockMs, facts.clockMs - after);
  const seconds = (differenceMs / 1000).toFixed(1);
  return [
    finding('SERVER_READY', subject, { version: facts.version }),
    ...(facts.readOnlyReason === null ? [] : [finding('SERVER_READ_ONLY', subject, { reason: facts.readOnlyReason })]),
    ...(differenceMs > CLOCK_DIFFERENCE_MS_MAX ? [finding('CLOCK_DIFFERS', subject, { seconds })] : []),
    ...checkSettings(facts, subject),
    ...(await checkConnections(facts, server)),
    ...(await checkIdleSlots(client, subject)),
  ];
}

function checkSettings(facts: ServerFacts, subject: string): Finding[] {
  const switches = { fsync: facts.fsync, full_page_writes: facts.fullPageWrites };
  const unsafe = Object.entries(switches).filter(([, value]) => value === 'off');
  return [
    ...unsafe.map(([setting]) => finding('CRASH_UNSAFE', subject, { setting })),
    ...(facts.autovacuum === 'off' ? [finding('AUTOVACUUM_OFF', subject)] : []),
    ...(facts.walBytesMax < WAL_BYTES_HINTED ? [finding('WAL_SMALL', subject, { size: facts.walSizeMax })] : []),
  ];
}

async function checkConnections(facts: ServerFacts, server: ServerToExamine): Promise<Finding[]> {
  const { client, settings, subject, databases } = server;
  const free = await countFreeSessions(client);
  const needed = databases * sessionsOf(settings.sync, free, databases);
  if (free >= needed) return [];
  return [finding('CONNECTIONS_SCARCE', subject, { free, max: facts.connectionsMax, needed })];
}

async function checkIdleSlots(client: pg.Client, subject: string): Promise<Finding[]> {
  const slots = await readIdleSlots(client, IDLE_SLOT_BYTES_MIN);
  return slots.map(({ slot, bytes }) => finding('SLOT_HOLDS_WAL', subject, { slot, size: formatBytes(bytes) }));
}
