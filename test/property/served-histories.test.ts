import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { identifierList } from '../../src/core/names.js';
import { sharingCatalog } from '../../src/lake/catalog/sharing-catalog.js';
import { unityCatalog } from '../../src/lake/catalog/unity-catalog.js';
import type { ChangeRelation } from '../../src/lake/changes/change-relation.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { holdWhole } from '../../src/lake/relation/relation-pass.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { DeltaHistory } from '../support/delta-history.js';
import { FIRST_COMMIT_MS, ManagedTable } from '../support/managed-table.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { rowsAt } from '../support/rows-at.js';
import { SharingServer } from '../support/sharing-server.js';
import { UnityServer } from '../support/unity-server.js';

// Goal: whatever happens to a table, a sharing server gives it file by file, and a catalog that manages its commits has it,
// as it is in its place: the rows of each version, and changes that lead from one version to another.

const seed = propertySeed('histories of served tables');
const HISTORIES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 200 : 4));
const COMMITS = 8;
const NAME = { catalog: 'served', schema: 'gold', table: 't' };
const patience = { attemptsMax: 2, timeoutMs: 20_000 };

let engine: Engine;
let connection: DuckDBConnection;
let provider: SharingServer;
let unity: UnityServer;
const folder = mkdtempSync(path.join(tmpdir(), 'served-histories-'));
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
  provider = await SharingServer.start();
  provider.pageSize = 3;
  unity = await UnityServer.start('open');
});
afterAll(async () => {
  await unity[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const common = () => ({
  allowOutsidePaths: false,
  partitionTimeZone: 'UTC',
  storage: { patience },
  spool: { bytesMax: 1e8, fetchesMax: 4 },
  engine,
});

function openShared(root: string): Promise<LakeTable> {
  provider.tables.set('gold.t', { folder: root, hasHistory: true });
  const credentials = { endpoint: provider.endpoint, token: provider.token };
  const client = { catalog: 'served', share: 'sales', credentials, ...patience };
  return sharingCatalog({ ...common(), client }).open(NAME);
}

function openManaged(): Promise<LakeTable> {
  const client = { catalog: 'served', uri: unity.uri, ...patience };
  const openTable = () => Promise.reject(new Error('there is no other catalog'));
  return unityCatalog({ ...common(), client, openTable }).open(NAME);
}

function openInPlace(root: string): LakeTable {
  const named = { root, tableName: 'served.gold.t', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
  return openDeltaTable({ ...named, engine, store: localFileStore });
}

const commitName = (version: number) => `${String(version).padStart(20, '0')}.json`;

/** The same table again, whose commits a catalog has to ratify: published and reported late, or not at all. */
class ManagedTwin {
  readonly #from: string;
  readonly #folder: string;
  readonly #random: Random;
  #table: ManagedTable | null = null;
  #version = -1;

  constructor(from: string, to: string, random: Random) {
    this.#from = from;
    this.#folder = to;
    this.#random = random;
    mkdirSync(path.join(to, '_delta_log'), { recursive: true });
  }

  /** Takes over what the history has committed. */
  follow(version: number): void {
    this.#linkFiles();
    while (this.#version < version) {
      this.#version += 1;
      this.#writeCommit(this.#version);
      const location = `file://${this.#folder}`;
      this.#table ??= new ManagedTable(unity, 'served.gold.t', { folder: this.#folder, location, isManaged: true });
      if (this.#version > 0) this.#table.commit(this.#version);
    }
    const table = this.#table;
    if (table === null) return;
    const staged = [...table.staged.keys()].sort((a, b) => a - b);
    for (const each of staged) {
      // In order, and some of them not yet.
      if (this.#random.chance(0.4)) break;
      table.publish(each);
      if (this.#random.chance(0.5)) table.report(each);
    }
  }

  #linkFiles(): void {
    for (const name of readdirSync(this.#from, { recursive: true, encoding: 'utf8' })) {
      const to = path.join(this.#folder, name);
      if (name.startsWith('_delta_log') || !/\.\w+$/.test(name) || existsSync(to)) continue;
      mkdirSync(path.dirname(to), { recursive: true });
      linkSync(path.join(this.#from, name), to);
    }
  }

  #writeCommit(version: number): void {
    const name = commitName(version);
    const lines = readFileSync(path.join(this.#from, '_delta_log', name), 'utf8')
      .trim()
      .split('\n');
    const changed = lines.map((line) => managedAction(JSON.parse(line), version));
    writeFileSync(
      path.join(this.#folder, '_delta_log', name),
      changed.map((each) => `${JSON.stringify(each)}\n`).join(''),
    );
  }
}

type Action = Record<string, Record<string, unknown>>;

function managedAction(action: Action, version: number): Action {
  const { protocol, metaData, commitInfo } = action;
  const managed = ['catalogManaged', 'vacuumProtocolCheck'];
  if (protocol) {
    const [readerFeatures, writerFeatures] = [protocol.readerFeatures, protocol.writerFeatures] as string[][];
    const [readers, writers] = [
      [...(readerFeatures ?? []), ...managed],
      [...(writerFeatures ?? []), ...managed],
    ];
    return { protocol: { ...protocol, readerFeatures: readers, writerFeatures: [...writers, 'inCommitTimestamp'] } };
  }
  if (metaData) {
    const configuration = { ...(metaData.configuration as object), 'delta.enableInCommitTimestamps': 'true' };
    return { metaData: { ...metaData, configuration } };
  }
  if (commitInfo) return { commitInfo: { ...commitInfo, inCommitTimestamp: FIRST_COMMIT_MS + version * 1_000 } };
  return action;
}

async function rows(sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
}

/** What changes make of the rows of the first version; the code of the error if they cannot be had. */
async function applied(table: LakeTable, range: { from: bigint; to: bigint }): Promise<unknown[][] | string> {
  let changes: ChangeRelation | undefined;
  try {
    changes = await table.changeFeed?.changes({ ...range, allowFileDiff: false, keyColumns: ['id'] });
    await changes?.fetch();
  } catch (error) {
    await changes?.[Symbol.asyncDispose]();
    const code = asSyncedTablesError(error)?.code;
    if (code === undefined) throw error;
    return code;
  }
  if (!changes) throw new Error('it has no changes');
  await using _ = changes;
  if (changes.schemaChanges.length > 0)
    return `columns changed: ${JSON.stringify(changes.schemaChanges, (_key, value) => String(value))}`;
  await using relation = await table.openRelation(await table.snapshot(range.from), 1);
  await using before = await holdWhole(relation);
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  const names = identifierList(changes.end.columns.map(({ name }) => name));
  return await rows(`select ${names} from (${before.select}) where id not in (select id from (${collapsed.select}))
    union all select ${names} from (${collapsed.select}) where _change_type = 'upsert' order by all`);
}

async function checkHistory(run: number): Promise<{ compared: number; refused: number }> {
  const random = new Random(seed + run * 7919);
  const shape = {
    mapping: random.pick(['none', 'name', 'id'] as const),
    isPartitioned: random.chance(0.5),
    hasFeed: true,
    isWide: random.chance(0.3),
    hasStatistics: random.chance(0.7),
    hasAllChangeFiles: random.chance(0.5),
    hasStoredVectors: random.chance(0.5),
  };
  const root = path.join(folder, `h${run}`);
  const twinRoot = path.join(folder, `m${run}`);
  const history = new DeltaHistory({ connection, folder: root, random, shape });
  const twin = new ManagedTwin(root, twinRoot, random);
  await history.create();
  twin.follow(0);
  const tables = { shared: await openShared(root), managed: await openManaged() };
  const inPlace = openInPlace(root);
  const found = { compared: 0, refused: 0 };
  for (;;) {
    const to = BigInt(history.version);
    const from = BigInt(random.below(history.version + 1));
    const wanted = await rowsAt(connection, inPlace, to);
    const reached = await applied(inPlace, { from, to });
    for (const [kind, table] of Object.entries(tables)) {
      const where = `seed ${seed}, run ${run}, ${kind}, from ${from}: ${JSON.stringify(shape)}\n${history.log.join('\n')}`;
      expect((await table.snapshot()).version, where).toBe(to);
      expect(await rowsAt(connection, table, to), where).toEqual(wanted);
      const ofServer = await applied(table, { from, to });
      expect(ofServer, where).toEqual(reached);
      if (typeof ofServer === 'string') found.refused += 1;
      else {
        expect(ofServer, where).toEqual(wanted);
        found.compared += 1;
      }
    }
    if (history.version >= COMMITS) break;
    for (let steps = random.below(3) + 1; steps > 0; steps--) await history.step();
    twin.follow(history.version);
  }
  rmSync(root, { recursive: true, force: true });
  rmSync(twinRoot, { recursive: true, force: true });
  return found;
}

it(`${HISTORIES} random histories`, { timeout: 180_000 + HISTORIES * 30_000 }, async () => {
  const total = { compared: 0, refused: 0 };
  for (let run = 0; run < HISTORIES; run++) {
    const { compared, refused } = await checkHistory(run);
    total.compared += compared;
    total.refused += refused;
  }
  console.info(`${total.compared} ranges of changes were equal, ${total.refused} refused as in its place`);
  // Histories that stop at once would prove nothing.
  expect(total.compared).toBeGreaterThan(HISTORIES * 4);
});
