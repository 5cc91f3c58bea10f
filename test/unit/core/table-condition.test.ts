import { describe, expect, it } from 'vitest';
import type { SyncedTableState } from '../../../src/core/synced-table.js';
import {
  type ConditionFacts,
  conditionOf,
  groupOf,
  rankOf,
  TABLE_CONDITIONS,
  TABLE_GROUPS,
} from '../../../src/core/table-condition.js';

// Goal: every state under every circumstance has one word, what needs somebody hides what goes on, and comes first in lists.

const STATES: readonly SyncedTableState[] = [
  'SYNCED_TABLE_PROVISIONING',
  'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES',
  'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT',
  'SYNCED_TABLE_ONLINE',
  'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
  'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE',
  'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
  'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
  'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
  'SYNCED_TABLE_OFFLINE_FAILED',
  'SYNCED_TABLED_OFFLINE',
];

const CALM = {
  isCanceled: false,
  waitsForLock: false,
  retries: false,
  isPaused: false,
  isChangedByHand: false,
  lagSeconds: 0,
  lagVersions: 0n,
};

function of(state: SyncedTableState, facts: Partial<ConditionFacts> = {}) {
  return conditionOf({ ...CALM, ...facts, state });
}

describe('the condition of a table', () => {
  it('is one of the known ones under every circumstance, and each of them occurs', () => {
    const seen = new Set<string>();
    const either = [true, false];
    for (const state of STATES) {
      for (const isCanceled of either) {
        for (const waitsForLock of either) {
          for (const retries of either) {
            for (const [isPaused, isChangedByHand] of [
              [true, false] as const,
              [false, true] as const,
              [false, false] as const,
            ]) {
              for (const [lagSeconds, lagVersions] of [[null, null] as const, [0, 0n] as const, [61, 2n] as const]) {
                const facts = { isCanceled, waitsForLock, retries, isPaused, isChangedByHand, lagSeconds, lagVersions };
                seen.add(of(state, facts));
              }
            }
          }
        }
      }
    }
    expect([...seen].sort()).toEqual([...TABLE_CONDITIONS].sort());
    expect(new Set(TABLE_CONDITIONS.map(groupOf))).toEqual(new Set(TABLE_GROUPS));
  });

  it('tells a failure before a wait, a wait before a retry, a retry before a change by hand, and that before a pause', () => {
    const all = { waitsForLock: true, retries: true, isPaused: true, isChangedByHand: true };
    expect(of('SYNCED_TABLE_ONLINE_PIPELINE_FAILED', all)).toBe('FAILED_READABLE');
    expect(of('SYNCED_TABLED_OFFLINE', all)).toBe('DROPPED');
    expect(of('SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', all)).toBe('WAITS_FOR_LOCK');
    expect(of('SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', { ...all, waitsForLock: false })).toBe('RETRYING');
    expect(of('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', { isPaused: true })).toBe('PAUSED');
    expect(of('SYNCED_TABLE_ONLINE', { isPaused: true, isChangedByHand: true })).toBe('CHANGED_BY_HAND');
    expect(of('SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE', { isChangedByHand: true })).toBe('SYNCING');
  });

  it('calls old data old only where it is to follow', () => {
    expect(of('SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', { lagSeconds: 60 })).toBe('FOLLOWING');
    expect(of('SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', { lagSeconds: 61 })).toBe('BEHIND');
    expect(of('SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', { lagSeconds: 90_000, lagVersions: 2n })).toBe(
      'NEWER_DATA_WAITS',
    );
    expect(groupOf('NEWER_DATA_WAITS')).toBe('wait');
  });
});

it('puts first what needs somebody', () => {
  const ordered = TABLE_CONDITIONS.toSorted((a, b) => rankOf(a) - rankOf(b));
  expect(ordered.slice(0, 6)).toEqual([
    'FAILED_UNREADABLE',
    'FAILED_READABLE',
    'DROPPED',
    'RETRYING',
    'WAITS_FOR_LOCK',
    'CHANGED_BY_HAND',
  ]);
  expect(new Set(ordered.slice(-2))).toEqual(new Set(['FOLLOWING', 'UP_TO_DATE']));
  expect(rankOf('FIRST_COPY')).toBe(rankOf('CATCHING_UP'));
});
