import { expect, it } from 'vitest';
import {
  add,
  DeltaLogFolder,
  digits,
  metaData,
  protocol,
  remove,
  vector,
} from '../../../../support/delta-log-folder.js';

// Goal: a compaction that is of no use is passed over for the commits that it stands for, as a checkpoint is; where
// these are gone, the error names it.

const name = `${digits(0)}.${digits(2)}.compacted.json`;

/** Four commits, after which `a` and `d` are live. */
function log(): DeltaLogFolder {
  return new DeltaLogFolder()
    .create(add('a'))
    .commit(1, add('b'))
    .commit(2, remove('b'), add('c'))
    .commit(3, remove('c'), add('d'));
}

const whole = [protocol, metaData(), add('a'), remove('b'), add('c')];
const text = whole.map((action) => `${JSON.stringify(action)}\n`).join('');

const useless: [string, string | Buffer | readonly object[]][] = [
  ['cut within a line', text.slice(0, 300)],
  ['empty', ''],
  ['nothing but line ends', '\n\n'],
  ['zero bytes', Buffer.alloc(400)],
  ['of another format', 'PAR1'],
  ['with a broken path', [...whole, add('%')]],
  ['not reconciled', [protocol, metaData(), add('a'), add('b'), remove('b'), add('c')]],
  ['with two states of the table', [protocol, metaData(), metaData(), add('a'), remove('b'), add('c')]],
  ['with a file twice', [...whole, add('a', { deletionVector: vector('v') })]],
  ['without protocol and metadata', [add('a'), remove('b'), add('c')]],
];

it('takes a whole one for its commits', async () => {
  using folder = log().write(name, [...whole.slice(0, 2), add('other'), add('c')]);
  expect(await folder.liveNames()).toEqual(['d', 'other']);
});

it.each(useless)('passes over one that is %s', async (_, content) => {
  using folder = log().write(name, content);
  expect(await folder.liveNames()).toEqual(['a', 'd']);
  expect(await folder.liveNames({ version: 2n })).toEqual(['a', 'c']);
});

it.each(useless.slice(0, 7))('names one that is %s if nothing replaces it', async (_, content) => {
  using folder = new DeltaLogFolder().write(name, content).commit(3, remove('c'), add('d'));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(name),
  });
});

it('passes over one that ends early at the end of a line, if the checksum of the version tells', async () => {
  using folder = log().write(name, whole.slice(0, 2));
  expect(await folder.liveNames()).toEqual(['d']);
  folder.write(`${digits(3)}.crc`, JSON.stringify({ numFiles: 2, tableSizeBytes: 200 }));
  expect(await folder.liveNames()).toEqual(['a', 'd']);
  folder.write(name, whole).write(`${digits(3)}.crc`, 'no checksum');
  expect(await folder.liveNames()).toEqual(['a', 'd']);
});

it('uses the others where one is damaged', async () => {
  const second = `${digits(3)}.${digits(4)}.compacted.json`;
  using folder = log()
    .commit(4, add('f'))
    .write(name, '')
    .write(second, [remove('c'), add('d'), add('e')]);
  expect(await folder.liveNames()).toEqual(['a', 'd', 'e']);
});

it('passes over one behind a checkpoint, and an older checkpoint is not asked', async () => {
  const behind = `${digits(2)}.${digits(3)}.compacted.json`;
  using folder = log()
    .write(`${digits(1)}.checkpoint.parquet`, [protocol, metaData(), add('a'), add('b'), add('checkpointed')])
    .write(behind, '{');
  expect(await folder.liveNames()).toEqual(['a', 'checkpointed', 'd']);
});
