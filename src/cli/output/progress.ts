import { countOf } from '../../core/count-of.js';
import type { Output } from '../options/command-options.js';

/** How far an update has got. */
interface ProgressStep {
  /** What is happening now. */
  readonly message: string;
  readonly rowsDone: bigint | null;
  /** Null while unknown. */
  readonly rowsTotal: bigint | null;
  /** For the rows that are left, at the rate so far; null or left out while that is unknown. */
  readonly secondsLeft?: number | null;
}

export interface Progress {
  report(step: ProgressStep): void;
  /** Writes a notice that stays on the screen. */
  tell(notice: string): void;
  /** Removes a bar from the terminal. */
  end(): void;
}

/** Where progress is written: standard error, because standard output is for results. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

interface Clock {
  /** Monotonic clock in milliseconds. */
  now(): number;
}

const BAR_WIDTH = 30;
const LINE_INTERVAL_MS = 5_000;
const ERASE_LINE = '\r\u001b[K';

/** A bar on a terminal, plain lines at intervals elsewhere, nothing where a program reads the result. */
export function startProgress(
  output: Output,
  stream: ProgressStream = process.stderr,
  clock: Clock = performance,
): Progress {
  if (output === 'json') {
    const tell = (notice: string) => void stream.write(`${JSON.stringify({ notice })}\n`);
    return { report: () => {}, tell, end: () => {} };
  }
  return stream.isTTY ? progressBar(stream) : progressLines(stream, clock);
}

function progressBar(stream: ProgressStream): Progress {
  let shown = '';
  const show = (line: string) => {
    if (line !== shown) stream.write(`${ERASE_LINE}${line}`);
    shown = line;
  };
  return {
    report: (step) => show(barLine(step).slice(0, (stream.columns || 80) - 1)),
    tell(notice) {
      stream.write(`${shown === '' ? '' : ERASE_LINE}${notice}\n${shown}`);
    },
    end: () => show(''),
  };
}

function barLine({ message, rowsDone, rowsTotal, secondsLeft }: ProgressStep): string {
  if (rowsDone === null || rowsTotal === null || rowsTotal <= 0n) return message;
  const filled = Math.min(BAR_WIDTH, Number((rowsDone * BigInt(BAR_WIDTH)) / rowsTotal));
  const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
  return `[${bar}] ${describeRows(rowsDone, rowsTotal)}${describeTime(secondsLeft)}`;
}

function progressLines(stream: ProgressStream, clock: Clock): Progress {
  let message = '';
  let rows = '';
  let writtenAt = 0;
  return {
    report(step) {
      const isNews = step.message !== message;
      const rowsNow = step.rowsDone === null ? '' : describeRows(step.rowsDone, step.rowsTotal);
      if (!isNews && (rowsNow === rows || clock.now() - writtenAt < LINE_INTERVAL_MS)) return;
      message = step.message;
      rows = rowsNow;
      writtenAt = clock.now();
      stream.write(`${isNews ? message : `${rows}${describeTime(step.secondsLeft)}`}\n`);
    },
    tell: (notice) => void stream.write(`${notice}\n`),
    end: () => {},
  };
}

function describeRows(done: bigint, total: bigint | null): string {
  if (total === null || total <= 0n) return countOf(done, 'row');
  const percent = (done * 100n) / total;
  return `${done} of ${countOf(total, 'row')} (${percent > 100n ? 100n : percent} %)`;
}

/** About how long it still takes, in one unit; nothing for a moment. */
function describeTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || seconds < 1) return '';
  if (seconds < 90) return `, about ${Math.round(seconds)} s left`;
  if (seconds < 5400) return `, about ${Math.round(seconds / 60)} min left`;
  return `, about ${Math.round(seconds / 3600)} h left`;
}
