import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Goal: the files of deploy/ and docker/ are right for the programs that read them: systemd, Kubernetes, Compose.

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** The output of a program; null with a note if it cannot be had. */
async function found(what: string, program: Promise<{ stdout: string }>): Promise<string | null> {
  return program.then(
    ({ stdout }) => stdout.trim(),
    (error: Error) => {
      process.stderr.write(`deployment-files.test.ts: ${what} cannot be had here (${error.message.split('\n')[0]})\n`);
      return null;
    },
  );
}

const systemd = await found('systemd-analyze', run('systemd-analyze', ['--version']));
const validate = await found(
  'kubernetes-validate',
  run(path.join(import.meta.dirname, 'install-kubernetes-validate.sh'), [
    path.join(tmpdir(), 'synced-tables-kubernetes-validate'),
  ]),
);
const hadolint = await found(
  'hadolint',
  run(path.join(import.meta.dirname, 'install-hadolint.sh'), [path.join(tmpdir(), 'synced-tables-hadolint')]),
);
const composes = [
  { name: 'docker compose', program: 'docker', args: ['compose'] },
  { name: 'docker-compose', program: 'docker-compose', args: [] },
];

it.skipIf(systemd === null)('systemd finds nothing wrong with the unit', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'unit-'));
  try {
    const unit = path.join(folder, 'synced-tables.service');
    const text = await readFile(path.join(root, 'deploy/systemd/synced-tables.service'), 'utf8');
    // The program is not installed here, and the document is not either.
    const program = path.join(folder, 'synced-tables');
    await copyFile('/bin/true', program);
    await writeFile(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${program}`).replace(/^Documentation=.*\n/m, ''));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('synced-tables'));
    expect(said).toEqual([]);
    // What is still open counts up to 10; 2 is what systemd itself calls fine.
    const { stdout: review } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
    const [, exposure = '10'] = /exposure level for \S+: ([\d.]+)/.exec(review) ?? [];
    expect(Number(exposure), review).toBeLessThan(2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.skipIf(validate === null)(
  'Kubernetes has every field of the manifests, in the types that they are written in',
  async () => {
    const folder = path.join(root, 'deploy/kubernetes');
    const files = (await readdir(folder)).map((file) => path.join(folder, file));
    expect(files.length).toBeGreaterThan(5);
    for (const version of ['1.28', '1.34']) {
      const { stdout } = await run(validate ?? '', ['--strict', '--kubernetes-version', version, ...files]);
      expect(stdout.match(/passed/gi)?.length, stdout).toBe(files.length);
    }
  },
);

it.skipIf(hadolint === null)('hadolint finds nothing wrong with the images', async () => {
  const files = ['docker/Dockerfile', 'docker/postgres.Dockerfile'].map((file) => path.join(root, file));
  // Versions of Debian packages end with the image's release.
  const { stdout } = await run(hadolint ?? '', ['--ignore', 'DL3008', ...files]);
  expect(stdout).toBe('');
});

for (const { name, program, args } of composes) {
  it(`${name} takes compose.yaml`, async (context) => {
    if ((await found(name, run(program, [...args, 'version']))) === null) return context.skip();
    const file = path.join(root, 'docker/compose.yaml');
    const environment = { ...process.env, LAKE: '/srv/lake' };
    const { stdout } = await run(program, [...args, '--file', file, 'config'], { env: environment });
    expect(stdout).toContain('/srv/lake');
    expect(stdout).toContain('service_completed_successfully');
  });
}
