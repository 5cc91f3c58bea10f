import { expect, it } from 'vitest';
import { startProgress } from '../../../../src/cli/output/progress.js';

// Goal: progress is a bar on a terminal, few plain lines elsewhere, and silent where a program reads the result.

function stream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) > 0 };
}

const step = (rowsDone: bigint | null, message = 'Copying lake.gold.t.') => ({ message, rowsDone, rowsTotal: 200n });

it('draws a bar over itself and takes it away', () => {
  const terminal = stream(true);
  const progress = startProgress('table', terminal);
  progress.report(step(null));
  progress.report(step(100n));
  progress.report(step(100n));
  progress.report(step(900n));
  progress.end();
  expect(terminal.written).toHaveLength(4);
  const lines = terminal.written.map((text) => text.split('\u001b[K')[1] ?? '');
  expect(lines[0]).toBe('Copying lake.gold.t.');
  expect(lines[1]).toMatch(/^\[#{15}\.{15}\] 100 /);
  expect(lines[2]).toMatch(/^\[#{30}\] 900 /);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
  expect(lines[3]).toBe('');
});

it('writes a line for news, and for rows at intervals', () => {
  const file = stream(false);
  let ms = 0;
  const progress = startProgress('table', file, { now: () => ms });
  progress.report(step(null));
  progress.report(step(1n));
  ms = 6_000;
  progress.report(step(50n));
  progress.report(step(60n));
  progress.report(step(60n, 'Attempt 1 of 6 failed.'));
  progress.end();
  expect(file.written).toEqual(['Copying lake.gold.t.\n', '50 of 200 rows (25 %)\n', 'Attempt 1 of 6 failed.\n']);
});

it('says about how long it still takes, once that is known', () => {
  const file = stream(false);
  let ms = 0;
  const progress = startProgress('table', file, { now: () => ms });
  progress.report(step(null));
  for (const [rows, secondsLeft] of [
    [10n, null],
    [20n, 89.6],
    [30n, 100],
    [40n, 9_000],
    [50n, 0.2],
  ] as const) {
    ms += 6_000;
    progress.report({ ...step(rows), secondsLeft });
  }
  expect(file.written.slice(1)).toEqual([
    '10 of 200 rows (5 %)\n',
    '20 of 200 rows (10 %), about 90 s left\n',
    '30 of 200 rows (15 %), about 2 min left\n',
    '40 of 200 rows (20 %), about 3 h left\n',
    '50 of 200 rows (25 %)\n',
  ]);
});

it('is silent with --output json', () => {
  const terminal = stream(true);
  const progress = startProgress('json', terminal);
  progress.report(step(1n));
  progress.end();
  expect(terminal.written).toEqual([]);
});

it('writes a notice above the bar, in a line of its own elsewhere, and as an object for programs', () => {
  const terminal = stream(true);
  const bar = startProgress('table', terminal);
  bar.report(step(null));
  bar.tell('Nobody is there.');
  expect(terminal.written.at(-1)).toBe('\r\u001b[KNobody is there.\nCopying lake.gold.t.');
  const file = stream(false);
  startProgress('table', file).tell('Nobody is there.');
  startProgress('json', file).tell('Nobody is there.');
  expect(file.written).toEqual(['Nobody is there.\n', '{"notice":"Nobody is there."}\n']);
});
