import { Worker } from 'node:worker_threads';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Resolves to the name of the signal that asks the process to stop. A second one ends it at once: it has its default
 * effect, which needs nothing of a process that may be blocked.
 */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      for (const each of SIGNALS) process.off(each, onSignal);
      resolve(signal);
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
  });
}

/**
 * Ends the process if it is still there after `seconds`, whatever keeps it: a thread that waits for a disk cannot be
 * interrupted, and Node waits for it when it exits. What was in progress is resumed as after a crash.
 */
export function endWithin(seconds: number): void {
  // In a thread of its own, since the event loop may be what is blocked.
  const source = `
    setTimeout(() => {
      require('node:fs').writeSync(2, 'synced-tables did not stop within ${seconds} s, and was ended.\\n');
      process.kill(process.pid, 'SIGKILL');
    }, ${seconds * 1000});`;
  new Worker(source, { eval: true, execArgv: [] }).unref();
}
