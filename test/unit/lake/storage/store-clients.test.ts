import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { unityCatalog } from '../../../../src/lake/catalog/unity-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { FileStoreSettings } from '../../../../src/lake/storage/file-stores.js';
import { openFileStore } from '../../../../src/lake/storage/file-stores.js';
import { layOutPlainInstall } from '../../../support/plain-install.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';
import { UnityServer } from '../../../support/unity-server.js';

// Goal: what the stores beside S3 need reaches them: their clients, their addresses, the credentials of a catalog; and
// a full disk is told as one. The clients are the official ones; what they send is looked at here, real stores answer
// in test/interop.

interface Seen {
  readonly url: string;
  readonly authorization: string;
}

/** A store that refuses everything and remembers what it was shown. */
class RefusingStore implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.seen.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '' });
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end('<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>');
    });
  }

  static async start(): Promise<RefusingStore> {
    const store = new RefusingStore();
    await new Promise<void>((resolve) => store.#server.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

// The clients are large: loading one takes seconds on a busy machine, and counts.
const patience = { attemptsMax: 1, timeoutMs: 60_000 };
let engine: Engine;
let folder: string;
let refusing: RefusingStore;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'test-clients-'));
  refusing = await RefusingStore.start();
});
afterEach(async () => {
  await refusing[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

it.each([
  ['s3://bucket/t', 'npm install @aws-sdk/client-s3'],
  ['r2://bucket/t', 'npm install @aws-sdk/client-s3'],
  ['gs://bucket/t', 'npm install @google-cloud/storage google-auth-library'],
  ['abfss://box@account.dfs.core.windows.net/t', 'npm install @azure/storage-blob @azure/identity'],
])('says what to install for %s', { timeout: 240_000 }, async (url, command) => {
  await layOutPlainInstall(folder);
  const script = `
    const { openFileStore } = await import(${JSON.stringify(path.join(folder, 'dist/lake/storage/file-stores.js'))});
    const store = openFileStore(${JSON.stringify(url)}, { patience: { attemptsMax: 3, timeoutMs: 5000 } });
    await store.stat(${JSON.stringify(`${url}/a`)}).catch((error) => {
      console.log(JSON.stringify({ code: error.code, text: error.message + ' ' + error.remedy }));
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
  });
  const said = JSON.parse(stdout);
  expect(said.code).toBe('OBJECT_STORE_CLIENT_MISSING');
  expect(said.text).toContain(command);
});

it('reads from r2, in the region that it has', { timeout: 120_000 }, async () => {
  mkdirSync(path.join(folder, 't'));
  writeFileSync(path.join(folder, 't/a.txt'), 'hello');
  const keys = { accessKeyId: 'own', secretAccessKey: 'own-secret' };
  await using server = await S3FolderServer.start(folder);
  const store = openFileStore('r2://lake/t', { s3: { endpoint: server.endpoint, ...keys }, patience });
  expect((await store.readRange(`r2://${BUCKET}/t/a.txt`, 1, 3))?.toString()).toBe('ell');
  expect(server.accessKeys).toEqual(new Set(['own']));
  const denied = openFileStore('r2://lake/t', { s3: { endpoint: refusing.endpoint, ...keys }, patience });
  await expect(denied.stat('r2://lake/t/a.txt')).rejects.toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
  expect(refusing.seen[0]?.authorization).toMatch(/Credential=own\/\d{8}\/auto\/s3\/aws4_request/);
});

it('asks the host that an r2 URL names, over TLS', async () => {
  const first: number[] = [];
  const host = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      first.push(bytes[0] ?? -1);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  try {
    const place = `r2://lake@localhost:${(host.address() as AddressInfo).port}/t`;
    const keys = { accessKeyId: 'own', secretAccessKey: 'own-secret' };
    const store = openFileStore(place, { s3: { endpoint: refusing.endpoint, ...keys }, patience });
    await expect(store.stat(`${place}/a`)).rejects.toMatchObject({ code: 'OBJECT_STORE_UNREACHABLE' });
    // A TLS handshake record.
    expect(first).toEqual([22]);
    expect(refusing.seen).toEqual([]);
  } finally {
    await new Promise((resolve) => host.close(resolve));
  }
});

/** Opens a table whose catalog gives `credentials` for its place, and tells how that ends. */
async function openWith(location: string, credentials: object, storage: Partial<FileStoreSettings>): Promise<unknown> {
  await using unity = await UnityServer.start('databricks');
  unity.tables.set('prod.gold.t', {
    name: 't',
    table_id: '7e4a',
    table_type: 'EXTERNAL',
    data_source_format: 'DELTA',
    storage_location: location,
  });
  unity.credentials = () => ({ body: { expiration_time: Date.now() + 3_600_000, ...credentials } });
  const catalog = unityCatalog({
    client: { catalog: 'prod', uri: unity.uri, ...patience },
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { ...storage, patience },
    spool: { bytesMax: 1e6, fetchesMax: 2 },
    engine,
    openTable: () => Promise.reject(new Error('there is no other catalog')),
  });
  try {
    const table = await catalog.open({ catalog: 'prod', schema: 'gold', table: 't' });
    return await table.snapshot();
  } catch (error) {
    return error;
  }
}

const AZURE = 'abfss://box@account.dfs.core.windows.net/gold/t';

it('shows Azure the signature that a catalog gave', { timeout: 120_000 }, async () => {
  const sas = 'sv=2024-11-04&sig=given-signature';
  const ended = await openWith(
    AZURE,
    { azure_user_delegation_sas: { sas_token: sas } },
    { azure: { endpoint: `${refusing.endpoint}/account` } },
  );
  expect(ended).toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
  expect((ended as Error).message).not.toContain('given-signature');
  expect(refusing.seen[0]?.url).toContain('/account/box');
  expect(refusing.seen[0]?.url).toContain('sig=given-signature');
  expect(refusing.seen[0]?.authorization).toBe('');
});

it('gives Azure a token that a catalog gave, and to no address without TLS', { timeout: 120_000 }, async () => {
  const ended = await openWith(
    AZURE,
    { azure_aad: { aad_token: 'given-token' } },
    { azure: { endpoint: `${refusing.endpoint}/account` } },
  );
  // The official client refuses to send it: which it only does when it has one.
  expect(String(((ended as Error).cause as Error)?.cause ?? (ended as Error).cause)).toMatch(
    /Bearer token authentication/,
  );
  expect((ended as Error).message).not.toContain('given-token');
  expect(refusing.seen).toEqual([]);
});

it('shows Google the token that a catalog gave', { timeout: 120_000 }, async () => {
  const ended = await openWith(
    'gs://lake/gold/t',
    { gcp_oauth_token: { oauth_token: 'given-token' } },
    { gcs: { endpoint: refusing.endpoint } },
  );
  expect(ended).toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
  expect((ended as Error).message).not.toContain('given-token');
  expect(refusing.seen[0]?.authorization).toBe('Bearer given-token');
  expect(refusing.seen[0]?.url).toContain('/b/lake/o');
});

it('says which credentials are missing when a catalog gives those of another store', async () => {
  const aws = { access_key_id: 'a', secret_access_key: 'b', session_token: 'c' };
  for (const location of [AZURE, 'gs://lake/gold/t']) {
    const ended = await openWith(location, { aws_temp_credentials: aws }, {});
    expect([location, (ended as { code?: string }).code]).toEqual([location, 'OBJECT_STORE_ACCESS_DENIED']);
    expect((ended as Error).message).toContain('the catalog gave no credentials for');
  }
});

/** A file system of 256 kB, where this user may make one; null elsewhere. */
function smallDisk(): (Disposable & { readonly path: string }) | null {
  const place = mkdtempSync(path.join(tmpdir(), 'test-small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place], { stdio: 'ignore' });
  } catch {
    rmSync(place, { recursive: true });
    process.stderr.write('the test of a full spool is skipped: this user may not mount a tmpfs\n');
    return null;
  }
  return {
    path: place,
    [Symbol.dispose]: () => {
      execFileSync('umount', [place]);
      rmSync(place, { recursive: true });
    },
  };
}

it('says that the disk is full when a file does not fit, and leaves nothing of it', async (context) => {
  using disk = smallDisk();
  if (disk === null) return context.skip();
  mkdirSync(path.join(folder, 't'));
  writeFileSync(path.join(folder, 't/large.bin'), Buffer.alloc(1_000_000, 7));
  writeFileSync(path.join(folder, 't/small.bin'), Buffer.alloc(1_000, 7));
  await using server = await S3FolderServer.start(folder);
  const s3 = { endpoint: server.endpoint, region: 'us-east-1', accessKeyId: 'own', secretAccessKey: 'own-secret' };
  const store = openFileStore(`s3://${BUCKET}`, { s3, patience: { attemptsMax: 5, timeoutMs: 5_000 } });
  const fetch = (name: string) =>
    store.download?.(`s3://${BUCKET}/t/${name}`, { destination: path.join(disk.path, name) });
  const full = { code: 'SPOOL_DISK_FULL', retry: 'timed' };
  await expect(fetch('large.bin')).rejects.toMatchObject(full);
  expect(readdirSync(disk.path)).toEqual([]);
  // Not the store's fault: it is asked once.
  expect(server.requests.filter(({ kind }) => kind === 'read')).toHaveLength(1);
  expect(await fetch('small.bin')).toBe(true);
});
