import { syncedTablesError } from '../../core/errors.js';

/** Threads of libuv: all reads of disks, name look-ups and queries of the engine share them. */
const THREADS = Number(process.env.UV_THREADPOOL_SIZE) || 4;
/** Reads below one folder at once: a disk that hangs keeps a thread for each. */
const READS_AT_ONCE = Math.max(2, Math.floor(THREADS / 4));
/** Beyond that many unanswered reads no disk is read any more: the rest of the process needs threads too. */
const UNANSWERED_MAX = Math.floor((THREADS * 3) / 4);
/** After a pause of the whole process, timers come before the answers that have arrived meanwhile. */
const LAST_CHANCE_MS = 500;

/** The reads below one folder. */
interface Gate {
  running: number;
  unanswered: number;
  readonly waiting: (() => void)[];
}

const gates = new Map<string, Gate>();
let unansweredInAll = 0;

/**
 * Waits for a read of a disk, for a limited time: a network mount may never answer, and a read cannot be taken back.
 * Its thread is lost until it is answered, so while a folder owes an answer, nothing else below it is read.
 * @param root the folder, such as that of a table
 * @param read continues in the background when its time is up; has to clean up after itself
 * @throws SOURCE_READ_TIMEOUT
 */
export async function readInTime<Result>(
  { root, path, timeoutMs }: { readonly root: string; readonly path: string; readonly timeoutMs: number },
  read: () => Promise<Result>,
): Promise<Result> {
  const gate = gates.get(root) ?? { running: 0, unanswered: 0, waiting: [] };
  gates.set(root, gate);
  if (gate.running < READS_AT_ONCE) gate.running++;
  else await new Promise<void>((resolve) => gate.waiting.push(resolve));
  const refuse = (reason: string) => syncedTablesError('SOURCE_READ_TIMEOUT', { path, reason });
  try {
    if (gate.unanswered > 0) throw refuse(`an earlier read below ${root} is still without an answer`);
    if (unansweredInAll >= UNANSWERED_MAX)
      throw refuse(`${unansweredInAll} reads of disks are still without an answer`);
    return await limited(root, read(), timeoutMs, () => refuse(`there was no answer for ${timeoutMs / 1000} s`));
  } finally {
    const next = gate.waiting.shift();
    if (next) next();
    else gate.running--;
    if (gate.running === 0 && gate.unanswered === 0) gates.delete(root);
  }
}

/** How often to ask a disk that something reads for long whether it still answers, in milliseconds. */
const ASK_MS = 5_000;

/**
 * Waits for something that reads files below `root` by itself, as long as their disk answers. If it does not, the
 * reading goes on waiting in its thread, and counts as a read without an answer.
 * @param ask a read of that disk, through `readInTime`
 * @throws what `ask` throws
 */
export async function whileAnswering<Result>(
  { root, timeoutMs }: { readonly root: string; readonly timeoutMs: number },
  reading: Promise<Result>,
  ask: () => Promise<unknown>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  // Nearly every reading ends before the first question: until then this costs no more than a timer.
  const silence = new Promise<never>((_, reject) => {
    const askLater = () => {
      if (isOver) return;
      timer = setTimeout(
        () => {
          // Where too many others do not answer, this one is not asked.
          const isAsked = unansweredInAll < UNANSWERED_MAX || (gates.get(root)?.unanswered ?? 0) > 0;
          (isAsked ? ask() : Promise.resolve()).then(askLater, (error: unknown) => {
            owe(root, reading);
            reject(error);
          });
        },
        Math.min(ASK_MS, timeoutMs),
      );
    };
    askLater();
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

/** Counts a read without an answer until there is one. */
function owe(root: string, reading: Promise<unknown>): void {
  const gate = gates.get(root) ?? { running: 0, unanswered: 0, waiting: [] };
  gates.set(root, gate);
  gate.unanswered++;
  unansweredInAll++;
  const answered = () => {
    gate.unanswered--;
    unansweredInAll--;
  };
  reading.then(answered, answered);
}

async function limited<Result>(
  root: string,
  reading: Promise<Result>,
  timeoutMs: number,
  timeUp: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const giveUp = () => {
      owe(root, reading);
      reject(timeUp());
    };
    timer = setTimeout(() => {
      timer = setTimeout(giveUp, LAST_CHANCE_MS);
    }, timeoutMs);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}
