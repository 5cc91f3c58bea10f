// @ts-check
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where tools are kept between runs. */
const toolsFolder = process.env.INTEROP_TOOLS ?? path.join(tmpdir(), 'synced-tables-interop');

const VERSITYGW = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const FAKE_GCS_SERVER = 'github.com/fsouza/fake-gcs-server@v1.56.1';
const AZURITE = 'azurite@3.35.0';
/** The account that every Azurite has; its key is in Microsoft's documentation, and no secret. */
const AZURITE_ACCOUNT = 'devstoreaccount1';
const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/**
 * @typedef {object} StartedStore
 * @property {string} url URL of the bucket
 * @property {import('../../dist/lake/storage/file-stores.js').FileStoreSettings} settings
 * @property {(key: string, content: Buffer) => Promise<void>} put
 * @property {() => Promise<void>} stop
 */

/** @param {string} module @returns {string} the program */
function goTool(module) {
  const name = path.basename(module.split('@')[0] ?? '');
  const program = path.join(toolsFolder, name);
  if (existsSync(program)) return program;
  mkdirSync(toolsFolder, { recursive: true });
  execFileSync('go', ['install', module], { env: { ...process.env, GOBIN: toolsFolder }, stdio: 'inherit' });
  return program;
}

/** A port that nobody listens on at this moment. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ port: number, env?: Record<string, string>, folder: string }} options
 */
async function startServer(program, args, { port, env = {}, folder }) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log = (log + chunk).slice(-4_000);
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let waited = 0; ; waited += 100) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${log}`);
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (isUp) break;
    if (waited > 60_000) throw new Error(`${program} does not answer: ${log}`);
    await sleep(100);
  }
  return async () => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
}

/** @returns {Promise<StartedStore>} S3, by a gateway over a folder */
async function startS3() {
  const program = goTool(VERSITYGW);
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'interop-s3-'));
  const keys = { accessKeyId: 'interop', secretAccessKey: 'interop-secret' };
  const env = { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey };
  const stop = await startServer(program, ['--port', `127.0.0.1:${port}`, 'posix', folder], { port, env, folder });
  const endpoint = `http://127.0.0.1:${port}`;
  const s3 = { endpoint, region: 'us-east-1', ...keys };
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({ endpoint, region: s3.region, credentials: keys, forcePathStyle: true });
  await client.send(new sdk.CreateBucketCommand({ Bucket: 'lake' }));
  return {
    url: 's3://lake',
    settings: { s3, patience },
    put: async (Key, Body) => void (await client.send(new sdk.PutObjectCommand({ Bucket: 'lake', Key, Body }))),
    stop,
  };
}

const patience = { attemptsMax: 4, timeoutMs: 20_000 };

/** @returns {Promise<StartedStore>} Google Cloud Storage, by its best-known emulator */
async function startGcs() {
  const program = goTool(FAKE_GCS_SERVER);
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'interop-gcs-'));
  const endpoint = `http://127.0.0.1:${port}`;
  const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', endpoint];
  const args = [...where, '-backend', 'memory', '-data', '', '-log-level', 'error'];
  const stop = await startServer(program, args, { port, folder });
  const sdk = await import('@google-cloud/storage');
  const storage = new sdk.Storage({ apiEndpoint: endpoint, projectId: 'interop' });
  await storage.createBucket('lake');
  return {
    url: 'gs://lake',
    settings: { gcs: { endpoint }, patience },
    put: async (key, content) => storage.bucket('lake').file(key).save(content, { resumable: false }),
    stop,
  };
}

/** @returns {Promise<StartedStore>} Azure, by Microsoft's emulator */
async function startAzure() {
  const prefix = path.join(toolsFolder, 'azurite');
  const program = path.join(prefix, 'node_modules/.bin/azurite-blob');
  if (!existsSync(program)) {
    mkdirSync(prefix, { recursive: true });
    execFileSync('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', AZURITE], { stdio: 'inherit' });
  }
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'interop-azure-'));
  const where = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', folder];
  const args = [...where, '--silent', '--skipApiVersionCheck', '--disableTelemetry'];
  const stop = await startServer(program, args, { port, folder });
  const endpoint = `http://127.0.0.1:${port}/${AZURITE_ACCOUNT}`;
  const sdk = await import('@azure/storage-blob');
  const credential = new sdk.StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY);
  const container = new sdk.BlobServiceClient(endpoint, credential).getContainerClient('lake');
  await container.create();
  return {
    url: `abfss://lake@${AZURITE_ACCOUNT}.dfs.core.windows.net`,
    settings: { azure: { endpoint, accountKey: AZURITE_KEY }, patience },
    put: async (key, content) => void (await container.getBlockBlobClient(key).upload(content, content.length)),
    stop,
  };
}

/** Real servers of object stores, by name. Each throws where its program cannot be had. */
export const objectStores = { s3: startS3, gcs: startGcs, azure: startAzure };
