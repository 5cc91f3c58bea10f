import { expect, it } from 'vitest';
import { cronWords } from '../../../src/console/parts/schedule/cron-words.js';

// Goal: simple schedules are said in words, and none is said to be what it is not.

it.each([
  ['* * * * *', 'every minute'],
  ['*/15 * * * *', 'every 15 minutes'],
  ['0 * * * *', 'hourly'],
  ['5 * * * *', 'hourly at minute 5'],
  ['0 0 9 * * ?', 'daily at 09:00'],
  ['30 2 * * *', 'daily at 02:30'],
  ['0 */6 * * *', 'every 6 hours at minute 0'],
  ['0 9 * * MON-FRI', 'Monday to Friday at 09:00'],
  ['0 9 * * mon,WED', 'Monday, Wednesday at 09:00'],
  ['0 9 * * 7', 'Sunday at 09:00'],
])('says %s as %s', (cron, words) => {
  expect(cronWords(cron)).toBe(words);
});

it.each([
  '0 9 1 * *',
  '0 9 * 6 *',
  '10 0 9 * * *',
  '0 9-17 * * *',
  '0 9 * * 1-3',
  '0,30 * * * *',
  '*/5 9 * * *',
  'often',
  '',
])('leaves %s as it is', (cron) => {
  expect(cronWords(cron)).toBe(cron);
});
