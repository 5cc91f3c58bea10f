import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StoreRetry } from '../../../../src/lake/storage/object-store.js';
import { ObjectStore } from '../../../../src/lake/storage/object-store.js';
import { S3ObjectClient } from '../../../../src/lake/storage/s3-client.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';

// Goal: a slow, failing or lying object store is waited for, told of, and never taken for a table.

let folder: string;
let server: S3FolderServer;
let retries: StoreRetry[];
let waits: number[];
let store: ObjectStore;

const ROOT = `s3://${BUCKET}`;
const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251));

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'test-store-'));
  server = await S3FolderServer.start(folder);
  retries = [];
  waits = [];
  store = open();
  write('t/part.bin', bytes);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function open(timeoutMs = 5_000): ObjectStore {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
  return new ObjectStore({
    client: new S3ObjectClient({ endpoint: server.endpoint, region: 'us-east-1', ...credentials }, null),
    patience: { attemptsMax: 4, timeoutMs },
    onRetry: (retry) => retries.push(retry),
    wait: async (ms) => {
      waits.push(ms);
    },
    random: () => 1,
  });
}

function write(key: string, content: Buffer | string): void {
  mkdirSync(path.dirname(path.join(folder, key)), { recursive: true });
  writeFileSync(path.join(folder, key), content);
}

const destination = () => path.join(folder, 'fetched');
/** Compared here: matchers take seconds for so many bytes. */
const isWhole = () => readFileSync(destination()).equals(bytes);
const fetchPart = (offset = 0) => store.download(`${ROOT}/t/part.bin`, { destination: destination(), offset });

it('lists the first of a huge folder with few requests, and goes on where it stopped', async () => {
  server.pageKeys = 10;
  for (let i = 100; i < 190; i++) write(`t/many/x${i}/_delta_log/0.json`, 'x');
  write('t/many/x150.json', 'x');
  const names = async (after: string, limit: number) =>
    (await store.list(`${ROOT}/t/many`, after, limit))?.map(({ name }) => name);
  expect(await names('', 3)).toEqual(['x100', 'x101', 'x102']);
  expect(server.requests.filter(({ kind }) => kind === 'list')).toHaveLength(1);
  expect(await names('x149/', 3)).toEqual(['x150.json', 'x150', 'x151']);
  expect(await names('x150.json', 1)).toEqual(['x150']);
  expect(await names('x150/', 1)).toEqual(['x151']);
  expect(await names('x189/', 3)).toEqual([]);
});

it('lists a folder over pages, with folders as such, and nothing of its neighbours', async () => {
  server.pageKeys = 2;
  for (const name of ['a b+c%d.json', 'b.json', 'c&<é>.json', 'd.json', 'sub/x.json']) write(`t/log/${name}`, 'x');
  write('t/log2/y.json', 'y');
  const entries = await store.list(`${ROOT}/t/log`);
  expect(entries?.map(({ name, isFolder }) => `${name}${isFolder ? '/' : ''}`).sort()).toEqual(
    ['a b+c%d.json', 'b.json', 'c&<é>.json', 'd.json', 'sub/'].sort(),
  );
  expect(await store.list(`${ROOT}/t/lo`)).toBeNull();
  expect((await store.list(`${ROOT}/t/log`, 'b.json'))?.map(({ name }) => name)).toEqual([
    'c&<é>.json',
    'd.json',
    'sub',
  ]);
  expect(await store.list(`${ROOT}/t/log`, 'zzz')).toEqual([]);
  expect(await store.hasFolder(`${ROOT}/t`)).toBe(true);
  expect(await store.hasFolder(`${ROOT}/u`)).toBe(false);
});

it('reads ranges, also across the end, and gives null for what is not there', async () => {
  const file = `${ROOT}/t/part.bin`;
  expect((await store.stat(file))?.sizeBytes).toBe(bytes.length);
  expect(await store.readRange(file, 10, 20)).toEqual(bytes.subarray(10, 30));
  expect(await store.readRange(file, bytes.length - 5, 20)).toEqual(bytes.subarray(-5));
  expect(await store.readRange(file, bytes.length, 20)).toEqual(Buffer.alloc(0));
  expect(await store.readRange(file, 0, 0)).toEqual(Buffer.alloc(0));
  expect(await store.readRange(`${ROOT}/t/none`, 0, 5)).toBeNull();
  expect(await store.stat(`${ROOT}/t/none`)).toBeNull();
  expect(await store.download(`${ROOT}/t/none`, { destination: destination() })).toBe(false);
});

it('fetches a file whole, or its end with a hole before it', async () => {
  expect(await fetchPart()).toBe(true);
  expect(isWhole()).toBe(true);
  rmSync(destination());
  await fetchPart(299_000);
  const found = readFileSync(destination());
  expect(found.length).toBe(bytes.length);
  expect(found.subarray(299_000).equals(bytes.subarray(299_000))).toBe(true);
  expect(found.subarray(0, 299_000).equals(Buffer.alloc(299_000))).toBe(true);
  write('t/empty', '');
  rmSync(destination());
  expect(await store.download(`${ROOT}/t/empty`, { destination: destination() })).toBe(true);
  expect(readFileSync(destination()).length).toBe(0);
});

it.each([
  ['503', { status: 503, code: 'SlowDown' }],
  ['429', { status: 429, code: 'TooManyRequests' }],
  ['500', { status: 500, code: 'InternalError' }],
  ['a cut connection', 'reset'],
] as const)('repeats requests that meet %s, with growing pauses, and tells of it', async (_, fault) => {
  server.fault = ({ count }) => (count <= 2 ? fault : null);
  expect(await fetchPart()).toBe(true);
  expect(isWhole()).toBe(true);
  expect(await store.list(`${ROOT}/t`)).toHaveLength(1);
  expect(waits).toEqual([200, 400, 200, 400, 200, 400]);
  expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2, 1, 2]);
  expect(retries[0]?.path).toBe(`${ROOT}/t/part.bin`);
});

it('goes on where half of a body came', async () => {
  server.fault = ({ kind, count }) => (kind === 'read' && count <= 5 ? 'cut' : null);
  expect(await fetchPart()).toBe(true);
  expect(isWhole()).toBe(true);
  const ranges = server.requests.filter(({ kind }) => kind === 'read').map(({ range }) => range);
  expect(ranges).toHaveLength(6);
  expect(new Set(ranges).size).toBe(6);
  // Each brought something, so none counts as a failure in a row.
  expect(retries.every(({ attempt }) => attempt === 1)).toBe(true);
});

it('does not wait for a body that stopped, nor for an answer that never comes', async () => {
  store = open(300);
  server.fault = ({ kind, count }) => (kind === 'read' && count === 1 ? 'stall' : count === 1 ? 'silent' : null);
  expect(await fetchPart()).toBe(true);
  expect(isWhole()).toBe(true);
  expect(retries.map(({ reason }) => reason)).toEqual(['no answer within 0.3 s', 'no byte for 0.3 s']);
});

it('gives up after its attempts, leaves no file behind and tells no secret', async () => {
  server.fault = ({ kind }) => (kind === 'read' ? { status: 503, code: 'SlowDown' } : null);
  const failed = fetchPart();
  await expect(failed).rejects.toMatchObject({ code: 'OBJECT_STORE_UNREACHABLE', retry: 'timed' });
  await expect(failed).rejects.toThrow(/t\/part\.bin \(attempts: 4\): HTTP 503 SlowDown\./);
  await expect(failed).rejects.not.toThrow(/secret/);
  expect(server.count('read')).toBe(4);
  expect(() => readFileSync(destination())).toThrow(/ENOENT/);
});

it('says at once what trying again does not mend', async () => {
  server.fault = () => ({ status: 403, code: 'AccessDenied' });
  await expect(store.stat(`${ROOT}/t/part.bin`)).rejects.toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
  await expect(store.list(`${ROOT}/t`)).rejects.toThrow(/refused access to s3:\/\/lake\/t: HTTP 403 AccessDenied/);
  server.fault = () => null;
  await expect(store.list('s3://nowhere/t')).rejects.toMatchObject({ code: 'OBJECT_STORE_BUCKET_NOT_FOUND' });
  expect(await store.stat('s3://nowhere/t')).toBeNull();
  server.fault = () => ({ status: 400, code: 'InvalidRequest' });
  await expect(store.list(`${ROOT}/t`)).rejects.toMatchObject({ code: 'OBJECT_STORE_REFUSED' });
  expect(waits).toEqual([]);
});

it('notices that an object was replaced between two requests', async () => {
  const stat = await store.stat(`${ROOT}/t/part.bin`);
  if (!stat) throw new Error('no object');
  write('t/part.bin', Buffer.alloc(bytes.length));
  utimesSync(path.join(folder, 't/part.bin'), 1, 1);
  const late = store.download(`${ROOT}/t/part.bin`, { destination: destination(), stat });
  await expect(late).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
});

it('stops when it is told to, also while it waits for the store', async () => {
  server.fault = ({ kind }) => (kind === 'read' ? 'stall' : null);
  const stop = new AbortController();
  const options = { destination: destination(), signal: stop.signal };
  const stopped = store.download(`${ROOT}/t/part.bin`, options);
  setTimeout(() => stop.abort(new Error('stopped by the test')), 100);
  await expect(stopped).rejects.toThrow('stopped by the test');
  expect(() => readFileSync(destination())).toThrow(/ENOENT/);
});
