import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ensureBuilt } from '../support/ensure-built.js';

// Goal: a process that was asked to stop ends, even if something keeps it from doing so.

const module = fileURLToPath(new URL('../../dist/cli/waiting/until-stopped.js', import.meta.url));

/** A process that waits for a signal, then does something, with a blocked event loop in the end. */
async function blocked(afterSignal: string) {
  await ensureBuilt();
  const script = `
    import { endWithin, untilStopped } from ${JSON.stringify(module)};
    const stopped = untilStopped();
    setInterval(() => {}, 1000);
    console.log('ready');
    await stopped;
    ${afterSignal}
    console.log('asked');
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 200);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  await once(child.stdout, 'data');
  return { child, ended, errors: () => errors };
}

it('a second signal ends it at once, whatever it is doing', async () => {
  const { child, ended } = await blocked('');
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
});

it('ends after a while without a second signal, and says so', async () => {
  const { ended, errors } = await blocked('endWithin(1);');
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(errors()).toBe('synced-tables did not stop within 1 s, and was ended.\n');
});
