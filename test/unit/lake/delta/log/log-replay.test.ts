import { expect, it } from 'vitest';
import {
  add,
  DeltaLogFolder,
  digits,
  metaData,
  protocol,
  remove,
  schemaString,
  vector,
} from '../../../../support/delta-log-folder.js';

// Goal: actions reconcile by (canonical path, deletion vector); damaged lines and contradictions fail with a name.

const partitioned = metaData({
  schemaString: schemaString({ name: 'id', type: 'long' }, { name: 'p', type: 'string' }),
  partitionColumns: ['p'],
});

it('lets the newest reference to a file decide', async () => {
  using folder = new DeltaLogFolder()
    .create(add('a'), add('b'))
    .commit(1, remove('a'), remove('b'))
    .commit(2, add('a'));
  expect(await folder.liveNames()).toEqual(['a']);
});

it.each([
  ['remove first', [remove('a'), add('a', { deletionVector: vector('v1') })]],
  ['add first', [add('a', { deletionVector: vector('v1') }), remove('a')]],
])('replaces a deletion vector within one commit: %s', async (_, actions) => {
  using folder = new DeltaLogFolder().create(add('a')).commit(1, ...actions);
  const { files } = await folder.open();
  expect(files).toHaveLength(1);
  expect(files[0]?.deletionVector).toMatchObject({ pathOrInlineDv: 'v1', offset: null, cardinality: 1n });
});

it('applies removes before adds when both name the same file and vector', async () => {
  using folder = new DeltaLogFolder().create(add('a')).commit(1, add('a', { size: 7 }), remove('a'));
  expect((await folder.open()).files).toMatchObject([{ sizeBytes: 7 }]);
});

it('does not remove a file by a reference with another vector', async () => {
  using folder = new DeltaLogFolder()
    .create(add('a', { deletionVector: vector('v1', 1) }))
    .commit(1, remove('a', { deletionVector: vector('v1', 2) }))
    .commit(2, remove('a'));
  expect(await folder.liveNames()).toEqual(['a']);
});

it('takes the place of a live file when it is added again', async () => {
  using folder = new DeltaLogFolder().create(add('a')).commit(1, add('a', { size: 7, dataChange: false }));
  expect((await folder.open()).files).toMatchObject([{ sizeBytes: 7 }]);
});

it('refuses two live adds of one path with different vectors', async () => {
  using folder = new DeltaLogFolder().create(add('a')).commit(1, add('./a', { deletionVector: vector('v1') }));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(`${folder.root}/a`),
  });
});

it.each([
  ['/a/b', 'file:/a/b'],
  ['file:/a/b', 'file:///a/b'],
  ['FILE:///a/b', '/a/b'],
  ['file://localhost/a/b', '/a//b'],
  ['/a/x/../b', '/a/./b'],
  ['/a/sp%20ace', 'file:/a/sp ace'],
  ['s3://bucket/a%20b', 'S3://bucket/a b'],
])('knows %s and %s as one file, and does not mind that it lay outside', async (added, removed) => {
  using folder = new DeltaLogFolder().create(add(added)).commit(1, remove(removed));
  expect(await folder.liveNames()).toEqual([]);
});

it('knows relative and absolute spellings of a file as one', async () => {
  using folder = new DeltaLogFolder();
  folder.create(add('p=1/a')).commit(1, remove(`file:${folder.root}/p=1/a`));
  expect(await folder.liveNames()).toEqual([]);
});

it.each([
  ['p=A%252FB/f', 'p=A%2FB/f'],
  ['a+b', 'a+b'],
  ['%C3%A9', 'é'],
  ['a#b?c', 'a#b?c'],
  ['100%25', '100%'],
])('decodes %s once', async (written, onDisk) => {
  using folder = new DeltaLogFolder().create(add(written));
  expect(await folder.liveNames()).toEqual([onDisk]);
});

it.each(['a%', 'a%zz', '%FF', 'a%00'])('refuses the broken escape in %s', async (path) => {
  using folder = new DeltaLogFolder().create(add(path));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(`"${path}" in ${digits(0)}.json`),
  });
});

it.each([
  ['../other/f', /other\/f/],
  ['%2E%2E/other/f', /other\/f/],
  ['/etc/f', /\/etc\/f/],
  ['file:///etc/f', /\/etc\/f/],
  ['file://host/etc/f', /host\/etc\/f/],
  ['s3://bucket/f', /s3:\/\/bucket\/f/],
])('refuses the live file %s outside the folder, unless allowed', async (path, message) => {
  using folder = new DeltaLogFolder().create(add(path));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'SOURCE_PATH_OUTSIDE',
    message: expect.stringMatching(message),
  });
  const [live] = await folder.liveNames({ allowOutsidePaths: true });
  expect(live).toMatch(message);
});

it('refuses a folder beside the table whose name only starts like it', async () => {
  using folder = new DeltaLogFolder();
  folder.create(add(`${folder.root}2/f`));
  await expect(folder.open()).rejects.toMatchObject({ code: 'SOURCE_PATH_OUTSIDE' });
});

it('refuses a live deletion vector outside the folder', async () => {
  using folder = new DeltaLogFolder().create(add('a', { deletionVector: vector('file:/other/v.bin', 1) }));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'SOURCE_PATH_OUTSIDE',
    message: expect.stringContaining('/other/v.bin'),
  });
  expect(await folder.liveNames({ allowOutsidePaths: true })).toEqual(['a']);
});

it('ignores unknown actions and fields, and actions without a say in the snapshot', async () => {
  using folder = new DeltaLogFolder().create(
    { commitInfo: { timestamp: 'yesterday', operationParameters: [1, { a: null }], inCommitTimestamp: {} } },
    { txn: { appId: 'x', version: 1 } },
    { domainMetadata: { domain: 'd', configuration: '{}', removed: false } },
    { cdc: { path: '_change_data/c', partitionValues: {}, size: 1, dataChange: false } },
    { somethingNew: { path: 'z' } },
    add('a', { somethingNew: [1], stats: 'not json', baseRowId: 1 }),
  );
  expect(await folder.liveNames()).toEqual(['a']);
});

it('lets the newest protocol and metadata win', async () => {
  using folder = new DeltaLogFolder()
    .commit(0, { protocol: { minReaderVersion: 99, minWriterVersion: 7 } }, metaData({ id: 'old' }))
    .commit(1, protocol)
    .commit(2, metaData({ id: 'new', configuration: { 'delta.x': 'y', 'delta.none': null } }));
  const snapshot = await folder.open();
  expect(snapshot.tableId).toBe('new');
  expect([...snapshot.configuration]).toEqual([['delta.x', 'y']]);
  await expect(folder.open({ version: 0n })).rejects.toMatchObject({ code: 'DELTA_UNSUPPORTED_FEATURE' });
});

it.each([
  ['protocol', [metaData()]],
  ['metaData', [protocol]],
])('refuses a log without %s', async (name, actions) => {
  using folder = new DeltaLogFolder().commit(0, ...actions);
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(`no ${name}`),
  });
});

it.each([
  ['a last line cut short', '{"add":{"path":"secret-value","si'],
  ['a line that is no object', '["secret-value"]'],
  ['null', 'null'],
  ['an add without a path', '{"add":{"size":1,"stats":"secret-value"}}'],
  ['an add that is no object', '{"add":"secret-value"}'],
  ['a vector of unknown storage', JSON.stringify(add('a', { deletionVector: { ...vector('v'), storageType: 'x' } }))],
  ['a size beyond exact numbers', '{"add":{"path":"a","partitionValues":{},"size":9007199254740993}}'],
  ['a negative size', '{"add":{"path":"a","partitionValues":{},"size":-1}}'],
])('names file and line of %s, without its content', async (_, line) => {
  using folder = new DeltaLogFolder().create();
  folder.write(`${digits(1)}.json`, `${JSON.stringify(add('a'))}\n\n${line}`);
  const error = await folder.open().then(
    () => null,
    (thrown: Error) => thrown,
  );
  expect(error).toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
  expect(error?.message).toContain(`line 3 of ${digits(1)}.json`);
  expect(`${error?.message} ${error?.cause}`).not.toContain('secret-value');
});

it('refuses bytes that are not UTF-8', async () => {
  using folder = new DeltaLogFolder().create().write(`${digits(1)}.json`, Buffer.from([0x7b, 0xff, 0x7d]));
  await expect(folder.open()).rejects.toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
});

it('refuses a commit that was cut to nothing', async () => {
  using folder = new DeltaLogFolder().create().write(`${digits(1)}.json`, '');
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(`${digits(1)}.json is empty`),
  });
});

it('reads a last line without line end, Windows line ends and lines across read borders', async () => {
  using folder = new DeltaLogFolder().create();
  // 9 MiB: more than two reads, with lines of a few KiB to one of 5 MiB.
  const sizes = [...Array.from({ length: 1000 }, (_, i) => 1000 + i * 7), 5 * 1024 * 1024];
  const lines = sizes.map((size, i) => JSON.stringify(add(`f${i}`, { stats: 'é'.repeat(size / 2) })));
  folder.write(`${digits(1)}.json`, lines.join('\r\n'));
  expect(await folder.liveNames()).toHaveLength(sizes.length);
});

it('reads partition values: empty text, null and a missing key are null', async () => {
  using folder = new DeltaLogFolder().commit(
    0,
    protocol,
    partitioned,
    add('a', { partitionValues: { p: 'x', q: 'dropped' } }),
    add('b', { partitionValues: { p: '' } }),
    add('c', { partitionValues: { p: null } }),
    add('d', { partitionValues: {} }),
    add('p=__HIVE_DEFAULT_PARTITION__/e', { partitionValues: { p: '__HIVE_DEFAULT_PARTITION__' } }),
  );
  const { files, partitionColumns } = await folder.open();
  expect(partitionColumns).toEqual(['p']);
  expect(files.map((file) => [...file.partitionValues])).toEqual([
    [['p', 'x']],
    [['p', null]],
    [['p', null]],
    [['p', null]],
    [['p', '__HIVE_DEFAULT_PARTITION__']],
  ]);
});

it('refuses a file of a partitioned table without partition values', async () => {
  using folder = new DeltaLogFolder().commit(0, protocol, partitioned, {
    add: { path: 'a', size: 1, dataChange: true },
  });
  await expect(folder.open()).rejects.toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
});

it('refuses a partition column that is not in the schema', async () => {
  using folder = new DeltaLogFolder().commit(0, protocol, metaData({ partitionColumns: ['nowhere'] }));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining('nowhere'),
  });
});

it('keeps a size that the log does not know apart from 0', async () => {
  using folder = new DeltaLogFolder().create(add('a', { size: null }), add('b', { size: 0 }));
  expect((await folder.open()).files.map((file) => file.sizeBytes)).toEqual([null, 0]);
});
