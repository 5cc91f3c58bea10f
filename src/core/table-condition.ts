import { assertNever } from './assert-never.js';
import type { SyncedTableState } from './synced-table.js';

/** What people are told of a table: its state together with what else is known of it. One word of the console each. */
export type TableCondition =
  | 'DROPPED'
  | 'FAILED_UNREADABLE'
  | 'FAILED_READABLE'
  | 'STOPPED_UNLOADED'
  | 'WAITS_FOR_LOCK'
  | 'RETRYING'
  | 'CHANGED_BY_HAND'
  | 'PAUSED'
  | 'WAITING_TO_START'
  | 'OPENING_SOURCE'
  | 'FIRST_COPY'
  | 'SYNCING'
  | 'CATCHING_UP'
  | 'FOLLOWING'
  | 'BEHIND'
  | 'NEWER_DATA_WAITS'
  | 'UP_TO_DATE';

/** Conditions that ask for the same attention. */
export type TableGroup = 'fail' | 'warn' | 'run' | 'new' | 'pause' | 'wait' | 'ok';

export interface ConditionFacts {
  readonly state: SyncedTableState;
  /** Whether its newest update was canceled; matters only before the first copy. */
  readonly isCanceled: boolean;
  readonly waitsForLock: boolean;
  /** Whether an update waits to be tried again. */
  readonly retries: boolean;
  readonly isPaused: boolean;
  /** Whether somebody else than a sidecar has written to it since its last copy. */
  readonly isChangedByHand: boolean;
  readonly lagSeconds: number | null;
  readonly lagVersions: bigint | null;
}

/** A followed table that reflects commits later than this is behind. */
const BEHIND_SECONDS = 60;

/** No copy is under way, which would mend what was changed by hand. */
const AT_REST: ReadonlySet<SyncedTableState> = new Set([
  'SYNCED_TABLE_ONLINE',
  'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
  'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
]);

/** The first that fits counts: what needs somebody hides what goes on. */
export function conditionOf(facts: ConditionFacts): TableCondition {
  const { state } = facts;
  if (state === 'SYNCED_TABLED_OFFLINE') return 'DROPPED';
  if (state === 'SYNCED_TABLE_OFFLINE_FAILED') return facts.isCanceled ? 'STOPPED_UNLOADED' : 'FAILED_UNREADABLE';
  if (state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED') return 'FAILED_READABLE';
  if (facts.waitsForLock) return 'WAITS_FOR_LOCK';
  if (facts.retries) return 'RETRYING';
  if (facts.isChangedByHand && AT_REST.has(state)) return 'CHANGED_BY_HAND';
  if (facts.isPaused) return 'PAUSED';
  switch (state) {
    case 'SYNCED_TABLE_PROVISIONING':
      return 'WAITING_TO_START';
    case 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES':
      return 'OPENING_SOURCE';
    case 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT':
      return 'FIRST_COPY';
    case 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE':
      return 'SYNCING';
    case 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES':
      return 'CATCHING_UP';
    case 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE':
      return (facts.lagSeconds ?? 0) > BEHIND_SECONDS ? 'BEHIND' : 'FOLLOWING';
    case 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE':
      return (facts.lagVersions ?? 0n) > 0n ? 'NEWER_DATA_WAITS' : 'UP_TO_DATE';
    case 'SYNCED_TABLE_ONLINE':
      return 'PAUSED';
    default:
      return assertNever(state);
  }
}

/** Group and rank of each condition, those that need somebody first. */
const KINDS = {
  FAILED_UNREADABLE: 'fail',
  FAILED_READABLE: 'fail',
  DROPPED: 'fail',
  RETRYING: 'warn',
  WAITS_FOR_LOCK: 'warn',
  CHANGED_BY_HAND: 'warn',
  BEHIND: 'warn',
  SYNCING: 'run',
  CATCHING_UP: 'run',
  FIRST_COPY: 'run',
  OPENING_SOURCE: 'run',
  WAITING_TO_START: 'new',
  PAUSED: 'pause',
  STOPPED_UNLOADED: 'pause',
  NEWER_DATA_WAITS: 'wait',
  FOLLOWING: 'ok',
  UP_TO_DATE: 'ok',
} as const satisfies Record<TableCondition, TableGroup>;

export const TABLE_CONDITIONS = Object.keys(KINDS) as [TableCondition, ...TableCondition[]];
export const TABLE_GROUPS = [
  'fail',
  'warn',
  'run',
  'new',
  'pause',
  'wait',
  'ok',
] as const satisfies readonly TableGroup[];

export function groupOf(condition: TableCondition): TableGroup {
  return KINDS[condition];
}

const RANKS = new Map(TABLE_CONDITIONS.map((condition, rank) => [condition, rank]));

/** Where a condition stands in the order of what to look at first; syncing tables are one rank, as are well ones. */
export function rankOf(condition: TableCondition): number {
  if (groupOf(condition) === 'run') return RANKS.get('SYNCING') ?? 0;
  return RANKS.get(condition === 'FOLLOWING' ? 'UP_TO_DATE' : condition) ?? 0;
}
