import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

// Goal: Prometheus' own tool takes the alert rules and the scrape configuration, and each rule fires when it is to, once, and
// not otherwise.

const folder = path.resolve(import.meta.dirname, '../../examples/monitoring');
const run = (args: readonly string[]) => promisify(execFile)('promtool', [...args], { cwd: folder });
const isInstalled = await run(['--version']).then(
  () => true,
  () => false,
);
if (!isInstalled) {
  process.stderr.write(
    'prometheus-rules.test.ts is skipped: promtool is not installed (Debian: apt-get install prometheus)\n',
  );
}

describe.skipIf(!isInstalled)('promtool', () => {
  it.each([
    [['check', 'rules', 'alerts.yml'], 'SUCCESS: 10 rules found'],
    [['check', 'config', '--syntax-only', 'prometheus.yml'], 'SUCCESS'],
    [['test', 'rules', 'alerts.test.yml'], 'SUCCESS'],
  ] as const)('%j', async (args, said) => {
    const { stdout, stderr } = await run(args).catch((error: unknown) => error as { stdout: string; stderr: string });
    expect(stdout + stderr).toContain(said);
    expect(stdout + stderr).not.toContain('FAILED');
  });
});
