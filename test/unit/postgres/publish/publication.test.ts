import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { SyncedTable } from '../../../../src/core/synced-table.js';
import {
  type Publication,
  type PublishOptions,
  publishAll,
  publishedOf,
} from '../../../../src/postgres/publish/publication.js';
import type { TableUpdateResult } from '../../../../src/postgres/registry/table-update-record.js';
import { SharedSession } from '../../../../src/postgres/session/shared-session.js';

// Goal: publications take each step together, in one transaction and in the order of their kinds, and a failure is that
// of the one whose turn it was.

/** A session that answers every statement; `log` has what was done, in order. */
class FakeSession {
  readonly log: string[] = [];

  options(): PublishOptions {
    const query = async (text: string) => {
      this.log.push(String(text).split(' ')[0] ?? '');
      return { rowCount: 1, rows: [{ pid: 1 }] };
    };
    const client = { query } as unknown as pg.Client;
    const { signal } = new AbortController();
    const lease = { pipelineId: 'p', holder: 'h', epoch: 1n };
    return { client, watcher: new SharedSession(async () => client), lease, signal, onBlocked: async () => {} };
  }

  publication(name: string, kind: Publication['kind'], steps: Partial<Publication> = {}): Publication {
    const note = (step: string) => async () => void this.log.push(`${step} ${name}`);
    return {
      table: { fullName: name } as SyncedTable,
      relation: null,
      kind,
      ready: note('ready'),
      stage: async (opening, closing) => {
        this.log.push(`${opening}stage ${name}${/for key share/.test(closing) ? '; prove the lease' : ''}`);
        return [[['1']], []];
      },
      apply: async () => {
        this.log.push(`apply ${name}`);
        return { version: 7n } as TableUpdateResult;
      },
      ...steps,
    };
  }
}

describe('publishing together', () => {
  it('runs each step for all, those last that keep readers waiting', async () => {
    const session = new FakeSession();
    const switched = session.publication('a', 'switch');
    const merged = session.publication('b', 'rows');
    const outcome = await publishAll(session.options(), [switched, merged]);
    expect(session.log).toEqual([
      ...['ready b', 'ready a', 'begin; stage b', 'stage a; prove the lease', 'select'],
      ...['apply b', 'apply a', 'commit'],
    ]);
    if (outcome.kind !== 'published') throw new Error('they were not published');
    expect(publishedOf(outcome.published, merged).result.version).toBe(7n);
    expect(publishedOf(outcome.published, switched).transactionMs).toBeGreaterThan(0);
  });

  it('changes nothing once the lease is lost', async () => {
    const session = new FakeSession();
    const late = session.publication('a', 'rows', { stage: async () => [[], []] });
    const outcome = await publishAll(session.options(), [late]);
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'LEASE_LOST' } });
    expect(session.log.slice(-1)).toEqual(['rollback']);
  });

  it('rolls all back when one fails, and explains the failure of that one', async () => {
    const session = new FakeSession();
    const failing = session.publication('a', 'rows', {
      apply: () => Promise.reject(new Error('raw')),
      explain: async () => new Error('explained'),
    });
    const other = session.publication('b', 'switch', { explain: async () => new Error('not asked') });
    const outcome = await publishAll(session.options(), [other, failing]);
    expect(outcome).toMatchObject({ kind: 'failed', publication: failing, error: { message: 'explained' } });
    expect(session.log.slice(-1)).toEqual(['rollback']);
    expect(session.log).not.toContain('apply b');
  });

  it('makes another attempt at once when the one that failed knows what stood in its way', async () => {
    const session = new FakeSession();
    let failures = 0;
    const mended = session.publication('a', 'rows', {
      apply: async () => {
        if (failures === 0) throw new Error('an index appeared');
        return { version: 8n } as TableUpdateResult;
      },
      mend: async () => {
        failures += 1;
        return true;
      },
    });
    const outcome = await publishAll(session.options(), [mended]);
    expect(outcome.kind).toBe('published');
    expect(session.log.filter((step) => step === 'ready a')).toHaveLength(2);
  });

  it('tells what keeps it from explaining, if that fails too', async () => {
    const session = new FakeSession();
    const failing = session.publication('a', 'rows', {
      apply: () => Promise.reject(new Error('raw')),
      explain: () => Promise.reject(new Error('connection lost')),
    });
    expect(await publishAll(session.options(), [failing])).toMatchObject({ error: { message: 'connection lost' } });
  });
});
