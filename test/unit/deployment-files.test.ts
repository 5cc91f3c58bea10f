import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { addMigrateCommand } from '../../src/cli/migrate.js';
import { loadSettings } from '../../src/settings/load-settings.js';
import type { Settings } from '../../src/settings/settings-schema.js';

// Goal: what docker/ and deploy/ hand to the sidecar is what it takes: settings, variables, secrets, commands, and time to
// stop. test/interop/deployment-files.test.ts has their own tools look at them.

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface Container {
  readonly name: string;
  readonly settings: string;
  readonly command: readonly string[];
  /** Values of variables. */
  readonly environment: ReadonlyMap<string, string>;
  /** Files of secrets in the container. */
  readonly secrets: readonly string[];
}

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { command?: string[]; environment?: Record<string, string>; secrets?: string[]; [key: string]: unknown }
    >
  >;
  readonly secrets: Readonly<Record<string, unknown>>;
}

const compose = parse(read('docker/compose.yaml'), { merge: true }) as Compose;

function composed(): Container[] {
  return ['install', 'synced-tables'].map((name) => {
    const { command = [], environment = {}, secrets = [] } = compose.services[name] ?? {};
    expect(secrets.filter((secret) => !(secret in compose.secrets))).toEqual([]);
    return {
      name: `compose ${name}`,
      settings: read('docker/synced-tables.yaml'),
      command,
      environment: new Map(Object.entries(environment)),
      secrets: secrets.map((secret) => `/run/secrets/${secret}`),
    };
  });
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly items?: readonly { readonly path: string }[] };
}
interface Pod {
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly {
    readonly args: string[];
    readonly env: readonly { readonly name: string; readonly value: string }[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    readonly [probe: string]: unknown;
  }[];
  readonly volumes: readonly Volume[];
}

const folder = 'deploy/kubernetes';
const manifests = readdirSync(path.join(root, folder)).flatMap((file) => {
  return parseAllDocuments(read(`${folder}/${file}`)).map((document) => document.toJS() as Record<string, never>);
});
const manifest = (kind: string) => manifests.find((each) => each.kind === kind) as unknown as Record<string, never>;
const podOf = (kind: string) => (manifest(kind) as { spec?: { template: { spec: Pod } } }).spec?.template.spec as Pod;

/** What each secret holds whose keys are not listed where it is mounted. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  secrets: ['sidecar-password', 'first-token'],
  admin: ['username', 'password'],
};

function inKubernetes(): Container[] {
  const { data } = manifest('ConfigMap') as unknown as { data: Record<string, string> };
  return ['Job', 'Deployment'].map((kind) => {
    const { containers, volumes } = podOf(kind);
    const [container] = containers;
    if (!container) throw new Error(`${kind} has no container`);
    const secrets = container.volumeMounts.flatMap(({ name, mountPath }) => {
      const { secret } = volumes.find((volume) => volume.name === name) ?? {};
      const keys = secret?.items?.map((item) => item.path) ?? KEYS[name] ?? [];
      return secret === undefined ? [] : keys.map((key) => `${mountPath}/${key}`);
    });
    return {
      name: `Kubernetes ${kind}`,
      settings: data['synced-tables.yaml'] ?? '',
      command: container.args,
      environment: new Map(container.env.map(({ name, value }) => [name, value])),
      secrets,
    };
  });
}

const unit = read('deploy/systemd/synced-tables.service');
const inUnit = (key: string) => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

function underSystemd(): Container {
  const [start = ''] = inUnit('ExecStart');
  return {
    name: 'systemd unit',
    settings: read('deploy/systemd/synced-tables.yaml'),
    command: start.split(' ').slice(1),
    environment: new Map(inUnit('Environment').map((each) => each.split('=') as [string, string])),
    secrets: inUnit('LoadCredential').map((each) => `%d/${each.split(':')[0]}`),
  };
}

/** The settings as the container reads them, with secrets of its own. */
function settingsOf({ settings, environment, secrets }: Container): Settings {
  const scratch = mkdtempSync(path.join(tmpdir(), 'deployment-'));
  try {
    const file = path.join(scratch, 'synced-tables.yaml');
    writeFileSync(file, settings);
    const known = new Map(secrets.map((secret, place) => [secret, path.join(scratch, String(place))]));
    for (const copy of known.values()) writeFileSync(copy, 'a1'.repeat(32));
    const given = [...environment].map(([name, value]) => [name, known.get(value) ?? value]);
    return loadSettings({ file, environment: Object.fromEntries(given), workingFolder: scratch });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

it.each([...composed(), ...inKubernetes(), underSystemd()])(
  '$name has all that its settings name',
  async (container) => {
    const { api, catalogs, instances } = settingsOf(container);
    expect(Object.keys(catalogs)).toEqual(['analytics']);
    expect(api.first_token).toEqual({ token: 'a1'.repeat(32), role: 'databricks_superuser' });
    // Read anew for each connection, so that a password can change.
    const [{ url, password_file: password } = {}] = Object.values(instances);
    expect(url).not.toContain(':a1a1');
    expect(path.dirname(password ?? '')).toMatch(/deployment-\w+$/);
    const { command, secrets } = container;
    const files = command.filter((word) => word.startsWith('/run/secrets/'));
    expect(files.filter((file) => !secrets.includes(file))).toEqual([]);
    const [name, ...args] = command;
    if (name === 'serve')
      return expect(args.filter((_, place) => place % 2 === 0)).toEqual(args.length > 0 ? ['--config'] : []);
    const program = new Command();
    addMigrateCommand(program);
    expect(name).toBe('migrate');
    const options = program.commands[0]?.options.map(({ long }) => long) ?? [];
    expect(args.filter((word) => word.startsWith('--') && !options.includes(word))).toEqual([]);
  },
);

it('gives a sidecar longer to stop than it takes at most', () => {
  const [, most = ''] = /STOP_SECONDS_MAX = (\d+)/.exec(read('src/cli/serve.ts')) ?? [];
  const given = [
    Number.parseInt(String(compose.services['synced-tables']?.stop_grace_period), 10),
    podOf('Deployment').terminationGracePeriodSeconds ?? 0,
    Number(inUnit('TimeoutStopSec')[0]),
  ];
  expect(given.filter((seconds) => !(seconds > Number(most)))).toEqual([]);
});

it('only the job that installs knows the password of an administrator', () => {
  const knowing = [...composed(), ...inKubernetes(), underSystemd()].filter(({ secrets }) => {
    return secrets.some((secret) => /postgres-password|admin/.test(secret));
  });
  expect(knowing.map(({ name }) => name)).toEqual(['compose install', 'Kubernetes Job']);
});

it('names one release everywhere', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const images = readdirSync(path.join(root, folder)).flatMap((file) => {
    return [...read(`${folder}/${file}`).matchAll(/(?:image: \S+:|install-)(\d\S*)/g)].map(([, tag]) => tag);
  });
  expect(images).toEqual([version, version, version]);
});
