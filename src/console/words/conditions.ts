import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import type { TableCondition, TableGroup } from '../../core/table-condition.js';
import { counted, type WholeNumber } from './numbers.js';
import { agoText, durationText, roughDuration } from './times.js';

// The words for the state of a table, and the shape that stands beside each.

export type ConditionIcon = 'clock' | 'run' | 'check' | 'triangle' | 'diamond' | 'pause' | 'octagon' | 'struck';

const ICONS = {
  DROPPED: 'struck',
  FAILED_UNREADABLE: 'octagon',
  FAILED_READABLE: 'octagon',
  STOPPED_UNLOADED: 'pause',
  WAITS_FOR_LOCK: 'triangle',
  RETRYING: 'triangle',
  CHANGED_BY_HAND: 'triangle',
  PAUSED: 'pause',
  WAITING_TO_START: 'clock',
  OPENING_SOURCE: 'run',
  FIRST_COPY: 'run',
  SYNCING: 'run',
  CATCHING_UP: 'run',
  FOLLOWING: 'check',
  BEHIND: 'triangle',
  NEWER_DATA_WAITS: 'diamond',
  UP_TO_DATE: 'check',
} as const satisfies Record<TableCondition, ConditionIcon>;

export function iconOf(condition: TableCondition): ConditionIcon {
  return ICONS[condition];
}

/** What the words are made of: a part of what the list says of each table. */
export type ConditionWordsOf = Pick<TableSummary, 'condition' | 'policy' | 'lag_seconds' | 'lag_versions'> & {
  readonly progress: Pick<NonNullable<TableSummary['progress']>, 'completion'> | null;
  readonly last_update: null | object;
  readonly error: Pick<NonNullable<TableSummary['error']>, 'attempt' | 'next_attempt_at'> | null;
};

/** The state in words. @param now milliseconds */
export function conditionWords(table: ConditionWordsOf, now: number): string {
  switch (table.condition) {
    case 'DROPPED':
      return 'Dropped in Postgres';
    case 'FAILED_UNREADABLE':
      return 'Failed, no table yet';
    case 'FAILED_READABLE':
      return 'Failed, readable';
    case 'STOPPED_UNLOADED':
      return 'Stopped before the first copy';
    case 'WAITS_FOR_LOCK':
      return 'Waits for a lock';
    case 'RETRYING':
      return retryWords(table.error, now);
    case 'CHANGED_BY_HAND':
      return 'Changed by hand';
    case 'PAUSED':
      return 'Paused';
    case 'WAITING_TO_START':
      return 'Waiting to start';
    case 'OPENING_SOURCE':
      return 'Opening the source';
    case 'FIRST_COPY':
      return withPercent('First copy', table);
    case 'SYNCING':
      return withPercent('Syncing', table);
    case 'CATCHING_UP':
      return withPercent('Catching up', table);
    case 'FOLLOWING':
      return 'Following';
    case 'BEHIND':
      return `Behind ${roughDuration(table.lag_seconds ?? 0)}`;
    case 'NEWER_DATA_WAITS':
      return `Newer data waits (${versionsText(table.lag_versions ?? 0)})`;
    case 'UP_TO_DATE':
      return 'Up to date';
  }
}

function retryWords(error: ConditionWordsOf['error'], now: number): string {
  const seconds = error?.next_attempt_at ? (Date.parse(error.next_attempt_at) - now) / 1000 : 0;
  const when = seconds > 1 ? ` in ${roughDuration(seconds)}` : '';
  return error?.attempt ? `Retrying${when} (attempt ${error.attempt + 1})` : `Retrying${when}`;
}

function withPercent(word: string, { progress }: ConditionWordsOf): string {
  const { completion = null } = progress ?? {};
  return completion === null ? word : `${word} ${Math.floor(completion * 100)}\u00a0%`;
}

export function versionsText(versions: WholeNumber): string {
  return counted(Number(versions), 'version', 'versions');
}

/** How far a table is behind; where it is only looked at now and then, as of when. Null: not known. */
export function lagText(table: Pick<TableSummary, 'lag_seconds' | 'source_seen_at'>, now: number): string {
  if (table.lag_seconds === null) return 'not known yet';
  const lag = table.lag_seconds === 0 ? 'none' : durationText(table.lag_seconds);
  if (table.source_seen_at === null) return lag;
  return `${lag}, as of the last look, ${agoText(new Date(table.source_seen_at), now)}`;
}

const POLICIES = { SNAPSHOT: 'Snapshot', TRIGGERED: 'On request', CONTINUOUS: 'Continuous' } as const;

/** The policy in words; the name of the wire goes into Code and titles. */
export function policyWord(policy: TableSummary['policy']): string {
  return POLICIES[policy];
}

/** What the groups are called where they are counted. */
export const groupWords = {
  fail: 'Failed',
  warn: 'Behind, waiting or changed',
  run: 'Syncing',
  new: 'New',
  pause: 'Paused',
  wait: 'Newer data waits',
  ok: 'Up to date',
} as const satisfies Record<TableGroup, string>;

export const groupIcons = {
  fail: 'octagon',
  warn: 'triangle',
  run: 'run',
  new: 'clock',
  pause: 'pause',
  wait: 'diamond',
  ok: 'check',
} as const satisfies Record<TableGroup, ConditionIcon>;
