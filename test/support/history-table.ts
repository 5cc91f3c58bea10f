import { expect } from 'vitest';
import type { DeltaHistory } from './delta-history.js';
import type { RandomChoice } from './random-choice.js';
import { eventually, type StatusRow, type SyncedLake } from './synced-lake.js';
import { type Refusal, refusalOf } from './synced-table-fixture.js';

/** Changes of the source that stop a pipeline; a full refresh is the way out. */
const STOPPING = /^(COLUMN_\w+_NOT_SUPPORTED|CHANGED_PRIMARY_KEY|SOURCE_LAYOUT_CHANGED|CHANGE_DATA_FEED_INCOMPLETE)$/;
const STOPPING_COMMITS = /rename|drop|widen|feed/;
/** A full refresh cannot help against this one. */
const KEY_RETYPED = 'CHANGED_PRIMARY_KEY_COLUMN_TYPE';
const BROKEN = { key: 'PRIMARY_KEY_CONSTRAINT_VIOLATION', time: 'TIMESERIES_KEY_TIE' };

export interface HistoryTableOptions {
  readonly lake: SyncedLake;
  readonly history: DeltaHistory;
  /** Named like its source. */
  readonly target: string;
  readonly policy: 'TRIGGERED' | 'CONTINUOUS';
  /** The part of the source that it has; the history knows its rows too. */
  readonly choice: Pick<RandomChoice, 'columns' | 'rowFilter'> | null;
}

/** A synced table of a random history, with what has to become of it at each step. */
export class HistoryTable {
  readonly #options: HistoryTableOptions;
  /** What happened, for messages. */
  readonly log: string[] = [];
  #isThere = false;
  /** Copies that are equal to versions; the last one is what the table has to show. */
  #copy: string | null = null;
  #copyVersion = -1;
  #loggedVersion = -1;

  constructor(options: HistoryTableOptions) {
    this.#options = options;
  }

  /**
   * Brings the table to the newest version, as an operator would: where the source has done what changes cannot be
   * followed through, by a full refresh. Fails unless every refusal has its reason in the history.
   */
  async bringUpToDate(): Promise<void> {
    const { lake, target, history, policy } = this.#options;
    const since = history.log.slice(Number(this.#isThere ? (await lake.status(target)).synced_version : -1) + 1);
    this.log.push(...history.log.slice(this.#loggedVersion + 1));
    this.#loggedVersion = history.version;
    if (!this.#isThere) return this.#create();
    if (policy === 'CONTINUOUS' && (await this.#follows())) return;
    const refusal = await this.#sync(false);
    if (refusal === null || this.#isExpected(refusal)) return;
    expect(since.join(), refusal.message).toMatch(STOPPING_COMMITS);
    if (refusal.code !== KEY_RETYPED) {
      expect(refusal.code, refusal.message).toMatch(STOPPING);
      const again = await this.#sync(true);
      if (again === null || this.#isExpected(again)) return;
      expect(again.code, again.message).toBe(KEY_RETYPED);
    }
    await lake.admin.query(`select synced_tables.delete_synced_table('${target}', purge => true)`);
    this.#isThere = false;
    await this.#create();
  }

  /** Fails unless the table has the rows of a copy that is made now; a table that was refused, those that it had. */
  async expectEqualToCopy(): Promise<void> {
    const { lake, target, history } = this.#options;
    if (!this.#isThere) return;
    const status = await lake.status(target);
    if (history.brokenRule() === null) {
      expect(status.synced_version).toBe(String(history.version));
      expect(status.row_count).toBe(String(history.keyedRows()));
      await this.#dropCopy();
      this.#copy = `${target}_copy_${history.version}`;
      await lake.wait(await this.#request(this.#copy, 'SNAPSHOT'));
      this.#copyVersion = history.version;
    } else {
      // A follower may have got to a version between that was whole, of which there is no copy.
      expect(Number(status.synced_version)).toBeLessThan(history.version);
      if (status.synced_version !== String(this.#copyVersion)) return;
    }
    const names = await lake.value(
      `select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
        where attrelid = '${this.#copy}'::regclass and attnum > 0 and not attisdropped`,
    );
    const rows = (table: string | null) => `select ${names} from ${table}`;
    const differences = `(${rows(target)} except all ${rows(this.#copy)}) union all (${rows(this.#copy)} except all ${rows(target)})`;
    expect(await lake.value(`select count(*) from (${differences}) d`), 'rows that differ').toBe('0');
    expect(await lake.value(`select count(*) from ${target}`)).toBe(status.row_count);
  }

  async purge(): Promise<void> {
    await this.#dropCopy();
    if (this.#isThere) await this.#purge(this.#options.target);
  }

  async #create(): Promise<void> {
    const { lake, target, policy, history } = this.#options;
    const update = await this.#request(target, policy);
    if (history.brokenRule() !== null) {
      const refusal = await refusalOf(lake.wait(update));
      expect(this.#isExpected(refusal), refusal.message).toBe(true);
      await this.#purge(target);
      return;
    }
    await lake.wait(update);
    this.#isThere = true;
  }

  /** Waits for the follower: true once it has got to the newest version, false if it has stopped with good reason. */
  async #follows(): Promise<boolean> {
    const { lake, target, history } = this.#options;
    const from = Number((await lake.status(target)).synced_version);
    const isAt = (version: number, { state, synced_version }: StatusRow) =>
      synced_version === String(version) || state === 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED';
    await eventually(async () => isAt(history.version, await lake.status(target)), 'the follower gets there', 60_000);
    const { synced_version, last_error_code: code, message } = await lake.status(target);
    this.log.push(`  followed to ${synced_version} ${code ?? ''}`);
    if (synced_version === String(history.version)) return true;
    const isBroken = history.broken.slice(from + 1).some((rule) => rule !== null && BROKEN[rule] === code);
    const isStopping = STOPPING.test(code ?? '') || code === KEY_RETYPED;
    expect(isBroken || isStopping, `${code}: ${message}`).toBe(true);
    return false;
  }

  async #sync(fullRefresh: boolean): Promise<Refusal | null> {
    const { lake, target } = this.#options;
    const update = await lake.requestSync(target, fullRefresh);
    const failure = await lake.wait(update).then(
      () => null,
      (error: unknown) => error,
    );
    const { method, error_code } = await lake.update(update);
    this.log.push(`  ${fullRefresh ? 'full refresh' : 'sync'}: ${method ?? error_code}`);
    return failure === null ? null : refusalOf(Promise.reject(failure));
  }

  #isExpected({ code }: Refusal): boolean {
    const rule = this.#options.history.brokenRule();
    return rule !== null && code === BROKEN[rule];
  }

  async #request(target: string, policy: string): Promise<string> {
    const { lake, history, choice } = this.#options;
    const { hasTimeseries, isCompositeKey, hasFeed, feedToggles } = history.shape;
    const allowsFileDiff = policy !== 'SNAPSHOT' && (!hasFeed || feedToggles === true);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table($1, $2, $3::text[], timeseries_key => $4, scheduling_policy => $5,
                                                allow_file_diff => $6, columns => $7, row_filter => $8) as id`,
      [
        target,
        `lake.${this.#options.target}`,
        isCompositeKey ? ['id', 'part'] : ['id'],
        hasTimeseries ? 't' : null,
        policy,
        allowsFileDiff,
        choice?.columns ?? null,
        choice?.rowFilter ?? null,
      ],
    );
    return rows[0]?.id ?? '';
  }

  async #dropCopy(): Promise<void> {
    if (this.#copy !== null) await this.#purge(this.#copy);
    this.#copy = null;
  }

  async #purge(name: string): Promise<void> {
    await this.#options.lake.admin.query(`select synced_tables.delete_synced_table('${name}', purge => true)`);
  }
}
