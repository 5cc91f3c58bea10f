import { expect, it } from 'vitest';
import { changedRows, rowsText } from '../../../src/console/words/numbers.js';

// Goal: counts are said with what they count, so that nobody has to guess it from a sign or a column.

it.each([
  [205, 0, '205 rows written'],
  [1, 0, '1 row written'],
  [12, 3, '12 rows written, 3 deleted'],
  [0, 1, '1 row deleted'],
  [0, 2, '2 rows deleted'],
  ['9223372036854775807', 0, '9,223,372,036,854,775,807 rows written'],
  [0, 0, null],
])('says %s written and %s deleted as %s', (written, deleted, words) => {
  expect(changedRows(written, deleted)).toBe(words);
});

it('counts rows that no number holds exactly', () => {
  expect(rowsText('9007199254740993')).toBe('9,007,199,254,740,993 rows');
});
