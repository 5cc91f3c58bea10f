import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bodyOf,
  changeFor,
  type Draft,
  EMPTY_DRAFT,
  parseList,
  readDraft,
  writeDraft,
} from '../../../src/console/screens/create/draft.js';

// Goal: the draft of a synced table survives the way through an address, and asks the server for just what it says.

const text = fc.string({ unit: 'grapheme' });
const drafts = fc.record<Draft>({
  source: text,
  target: text,
  instance: text,
  key: fc.array(fc.string({ minLength: 1 })),
  timeseries: text,
  chosen: fc.array(fc.string({ minLength: 1 })),
  filter: text,
  policy: fc.constantFrom('', 'SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'),
  fileDiff: fc.boolean(),
  strip: fc.boolean(),
  cron: text,
  zone: text,
  refresh: fc.boolean(),
  pipeline: text,
  together: fc.boolean(),
  accelerated: fc.boolean(),
  overrides: text,
  columns: text,
  indexes: text,
});

it('is the same after the way through an address', () => {
  fc.assert(
    fc.property(drafts, (draft) => {
      expect(readDraft(new URLSearchParams(writeDraft(draft)))).toEqual(draft);
    }),
  );
});

it('takes what cannot be for nothing', () => {
  expect(readDraft(new URLSearchParams('policy=NEVER&key=&fileDiff=yes&unknown=1'))).toEqual(EMPTY_DRAFT);
});

it('asks for what is filled in, and leaves the rest to its defaults', () => {
  expect(bodyOf({ ...EMPTY_DRAFT, source: 'lake.gold.t', key: ['id'] })).toEqual({
    source_table_full_name: 'lake.gold.t',
    primary_key_columns: ['id'],
  });
  const draft: Draft = {
    ...EMPTY_DRAFT,
    source: 'lake.gold.t',
    target: 'app.gold.t',
    key: ['a', 'b'],
    timeseries: 'at',
    chosen: ['b', 'c'],
    filter: "region = 'EU'",
    policy: 'TRIGGERED',
    fileDiff: true,
    strip: true,
    cron: '0 3 * * *',
    zone: 'Europe/Berlin',
    refresh: true,
    together: true,
    accelerated: true,
    overrides: '[{"column_name": "e", "pg_type": "PG_SPECIFIC_TYPE_VECTOR", "size": 3}]',
  };
  expect(bodyOf(draft)).toEqual({
    name: 'app.gold.t',
    source_table_full_name: 'lake.gold.t',
    primary_key_columns: ['a', 'b'],
    timeseries_key: 'at',
    columns: ['a', 'b', 'c'],
    row_filter: "region = 'EU'",
    scheduling_policy: 'TRIGGERED',
    allow_file_diff: true,
    invalid_characters: 'strip',
    on_history_gap: 'refresh',
    publish: 'together',
    accelerated_sync: true,
    schedule: { cron: '0 3 * * *', time_zone: 'Europe/Berlin' },
    type_overrides: [{ column_name: 'e', pg_type: 'PG_SPECIFIC_TYPE_VECTOR', size: 3 }],
  });
  expect(bodyOf({ ...draft, policy: 'CONTINUOUS' })).not.toHaveProperty('schedule');
});

it('tells a list that is still being typed from one that is there', () => {
  expect([parseList(''), parseList('[1]'), parseList('[1'), parseList('{}')]).toEqual([[], [1], null, null]);
});

it('knows the field of each way out, and none that the form lacks', () => {
  expect(changeFor({ timeseries_key: 'at' })).toEqual({ timeseries: 'at' });
  expect(changeFor({ invalid_characters: 'strip' })).toEqual({ strip: true });
  expect(changeFor({ allow_file_diff: true })).toEqual({ fileDiff: true });
  expect(changeFor({ scheduling_policy: 'SNAPSHOT' })).toEqual({ policy: 'SNAPSHOT' });
  expect(changeFor({ primary_key_columns: ['id'] })).toEqual({ key: ['id'] });
  expect(changeFor({ something: 'new' })).toBeNull();
});
