import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineDelta } from '../support/engine-delta.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';
import { TrinoDelta } from '../support/trino-delta.js';
import { TrinoServer } from '../support/trino-server.js';
import { WarehouseDelta } from '../support/warehouse-delta.js';
import { WarehouseServer } from '../support/warehouse-server.js';

// Goal: whoever cancels an update, or stops its sidecar, stops the query that an engine runs for it, too, while a table is
// copied and while its changes are fetched; the table keeps its rows, and a later update has those of the source.

interface Held {
  readonly statement: string;
  readonly isCanceled: boolean;
}

/** A server of an engine with a table, whose statements can be held up. */
interface HeldEngine extends AsyncDisposable {
  readonly source: EngineDelta;
  /** Settings of its catalog. */
  readonly catalog: object;
  /** Statements that fit run on and on, until none are to. */
  hold(statements: RegExp | null): void;
  /** Statements that were held up, those that are read to their end by now included. */
  held(): readonly Held[];
}

async function heldTrino(): Promise<HeldEngine> {
  const source = new TrinoDelta();
  const server = await TrinoServer.start(source.answer);
  return {
    source,
    catalog: { kind: 'trino', uri: server.uri, user: 'reader', catalog: 'delta' },
    hold(statements) {
      // Some rows have come by then.
      server.holds = (statement, page) => page > 1 && statements?.test(statement) === true;
    },
    held: () => server.queries.filter(({ isHeld }) => isHeld),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function heldWarehouse(): Promise<HeldEngine> {
  const source = new WarehouseDelta();
  const server = await WarehouseServer.start(source.answer);
  const { uri, token } = server;
  return {
    source,
    catalog: { kind: 'databricks', uri, token, warehouse_id: 'w1', catalog: 'main' },
    hold(statements) {
      server.holds = (statement) => statements?.test(statement) === true;
    },
    held: () =>
      server.statements
        .filter(({ polls }) => polls > 1)
        .map(({ body, isCanceled }) => ({ statement: String(body.statement), isCanceled })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const COPY = /^select (?!.*(?:count\(\*\)|table_changes|limit 0))/s;
const CHANGES = /^select (?!.*count\(\*\)).*table_changes/s;

const ENGINES = [
  ['a Trino', heldTrino],
  ['a warehouse of Databricks', heldWarehouse],
] as const;

describe.each(eitherPostgresServer(import.meta.url))('on $name', (server) => {
  describe.each(ENGINES)('a query of %s', (_, start) => {
    let lake: SyncedLake;
    let engine: HeldEngine;
    let sidecar: AsyncDisposable;
    beforeEach(async () => {
      lake = await SyncedLake.create(server);
      engine = await start();
      engine.source.commit('CREATE TABLE AS SELECT', { 1: 'a', 2: 'b', 3: 'c', 4: 'd', 5: 'e' });
      await startSidecar();
    });
    afterEach(async () => {
      await lake?.[Symbol.asyncDispose]();
      await engine?.[Symbol.asyncDispose]();
    });

    async function startSidecar() {
      sidecar = await lake.startSidecar({ catalogs: { dwh: engine.catalog }, pollSeconds: 0.3 });
    }

    async function create(policy: string): Promise<string> {
      const id = await lake.value(
        `select synced_tables.create_synced_table('public.t', 'dwh.s.t', array['id'], '${policy}')`,
      );
      return id ?? '';
    }

    const rows = () => lake.value(`select string_agg(id || name, ' ' order by id) from public.t`);
    const hasRows = (wanted: string) => eventually(async () => (await rows()) === wanted, `the rows are ${wanted}`);
    const cancel = () => lake.value(`select synced_tables.cancel_updates('public.t')`);

    /** Waits until a statement is held up, and none is canceled yet. */
    async function expectHeld(statements: RegExp): Promise<void> {
      await eventually(async () => engine.held().length > 0, 'a statement is held up');
      const [held, ...others] = engine.held();
      expect(held).toMatchObject({ statement: expect.stringMatching(statements), isCanceled: false });
      expect(others).toEqual([]);
    }

    /** All that were held up are canceled soon, long before the engine itself would end them. */
    async function expectCanceled(): Promise<void> {
      await eventually(async () => engine.held().every(({ isCanceled }) => isCanceled), 'it is canceled', 15_000);
    }

    it('ends with the copy that is canceled', async () => {
      engine.hold(COPY);
      const update = await create('SNAPSHOT');
      await expectHeld(COPY);
      expect(await cancel()).toBe('1');
      await expectCanceled();
      expect((await refusalOf(lake.wait(update))).code).toBe('UPDATE_CANCELED');
      expect(await lake.value(`select to_regclass('public.t')`)).toBe(null);
      engine.hold(null);
      await lake.sync('public.t');
      expect(await rows()).toBe('1a 2b 3c 4d 5e');
    }, 60_000);

    it('ends with the sidecar that copies', async () => {
      await lake.wait(await create('SNAPSHOT'));
      engine.source.commit('UPDATE', { 1: 'A' });
      engine.hold(COPY);
      const update = await lake.requestSync('public.t');
      await expectHeld(COPY);
      await sidecar[Symbol.asyncDispose]();
      expect(engine.held()).toEqual([expect.objectContaining({ isCanceled: true })]);
      expect(await rows()).toBe('1a 2b 3c 4d 5e');
      engine.hold(null);
      await startSidecar();
      await lake.wait(update);
      expect(await rows()).toBe('1A 2b 3c 4d 5e');
    }, 60_000);

    it('ends with the update that fetches changes and is canceled', async () => {
      await lake.wait(await create('TRIGGERED'));
      engine.source.commit('MERGE', { 1: 'A', 2: null, 6: 'f' });
      engine.hold(CHANGES);
      const update = await lake.requestSync('public.t');
      await expectHeld(CHANGES);
      expect(await cancel()).toBe('1');
      await expectCanceled();
      expect((await refusalOf(lake.wait(update))).code).toBe('UPDATE_CANCELED');
      expect(await rows()).toBe('1a 2b 3c 4d 5e');
      engine.hold(null);
      expect(await lake.sync('public.t')).toMatchObject({ method: 'CHANGES' });
      expect(await rows()).toBe('1A 3c 4d 5e 6f');
    }, 60_000);

    it.each(['its sidecar', 'its pipeline'])(
      'ends with %s, which follows changes',
      async (stopped) => {
        await create('CONTINUOUS');
        await eventually(async () => (await lake.value(`select to_regclass('public.t')`)) !== null, 'it is there');
        engine.hold(CHANGES);
        engine.source.commit('MERGE', { 1: 'A', 2: null, 6: 'f' });
        await expectHeld(CHANGES);
        if (stopped === 'its sidecar') {
          await sidecar[Symbol.asyncDispose]();
          expect(engine.held()).toEqual([expect.objectContaining({ isCanceled: true })]);
        } else {
          await lake.value(`select synced_tables.pause_pipeline('public.t')`);
          await expectCanceled();
        }
        expect(await rows()).toBe('1a 2b 3c 4d 5e');
        engine.hold(null);
        if (stopped === 'its sidecar') await startSidecar();
        else await lake.value(`select synced_tables.resume_pipeline('public.t')`);
        await hasRows('1A 3c 4d 5e 6f');
      },
      60_000,
    );
  });
});
