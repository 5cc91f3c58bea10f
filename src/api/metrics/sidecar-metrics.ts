import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { onCopiedBytes } from '../../observability/copied-bytes.js';
import type { TableMetrics } from '../../postgres/registry/api/metrics.js';
import type { ApiDatabase } from '../places/api-database.js';
import { CountedRows } from './counted-rows.js';
import { readDatabaseMetrics } from './database-metrics.js';

const PLACE = ['instance', 'database'] as const;
const TABLE = [...PLACE, 'synced_table'] as const;
/** Maximum number of tables with series per database; the rest are only counted. */
const TABLES_MAX = 1_000;

/** A gauge per table: null gives no series. */
interface TableGauge {
  readonly name: string;
  readonly help: string;
  readonly read: (table: TableMetrics) => number | null;
}

const TABLE_GAUGES: readonly TableGauge[] = [
  {
    name: 'synced_tables_lag_versions',
    help: 'Source versions that the table does not reflect.',
    read: (t) => t.lagVersions,
  },
  {
    name: 'synced_tables_lag_seconds',
    help: 'Age of the oldest commit seen that the table does not reflect.',
    read: (t) => t.lagSeconds,
  },
  { name: 'synced_tables_rows', help: 'Rows of the table.', read: (t) => t.rows },
  {
    name: 'synced_tables_last_sync_timestamp_seconds',
    help: 'When the table was brought up to date last.',
    read: (t) => t.lastSyncSeconds,
  },
  {
    name: 'synced_tables_changed_by_hand',
    help: 'Whether somebody else than a sidecar has written to the table since its last copy.',
    read: (t) => (t.isChangedByHand ? 1 : 0),
  },
];

const NEVER_MS = 86_400_000;
/** Summaries of those samples; the lag measured at the scrape itself stays. */
const LAG_SAMPLES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/**
 * What Prometheus reads: the process, and the databases as of the scrape. Labels are names of instances, databases and
 * tables, states and results, never row data. Series of tables that are gone are removed.
 */
export class SidecarMetrics implements Disposable {
  readonly #registry = new Registry();
  readonly #sidecarId: string;
  readonly #startedAt = new Date();
  readonly #rows = new Map<string, CountedRows>();
  readonly #unsubscribe: () => void;
  readonly #gauges = new Map<string, Gauge>();
  readonly #updates: Counter;
  readonly #written: Counter;
  readonly #deleted: Counter;
  #scraping: Promise<unknown> = Promise.resolve();

  constructor(sidecarId: string) {
    this.#sidecarId = sidecarId;
    // Sampling event loop lag would wake an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const part of LAG_SAMPLES) this.#registry.removeSingleMetric(`nodejs_eventloop_lag_${part}_seconds`);
    const copied = this.#counter('synced_tables_copied_bytes_total', 'Bytes that this process sent by COPY.', [
      'database',
    ]);
    this.#updates = this.#counter('synced_tables_updates_total', 'Updates that ended since this process started.', [
      ...PLACE,
      'result',
    ]);
    this.#written = this.#counter(
      'synced_tables_rows_written_total',
      'Rows inserted or changed since this process started.',
      TABLE,
    );
    this.#deleted = this.#counter(
      'synced_tables_rows_deleted_total',
      'Rows deleted since this process started.',
      TABLE,
    );
    for (const { name, help } of TABLE_GAUGES) this.#gauge(name, help, TABLE);
    this.#gauge('synced_tables_table_state', 'One series a table: 1 for the state that it is in.', [...TABLE, 'state']);
    this.#gauge(
      'synced_tables_tables_left_out',
      `Tables beyond the ${TABLES_MAX} that are shown of a database.`,
      PLACE,
    );
    this.#gauge('synced_tables_queue_length', 'Updates that wait.', PLACE);
    this.#gauge('synced_tables_running_updates', 'Updates that run, those that follow their sources included.', PLACE);
    this.#gauge('synced_tables_leases', 'Pipelines that a sidecar holds the lease of.', [...PLACE, 'holder']);
    this.#gauge('synced_tables_database_up', 'Whether the database answers.', PLACE);
    this.#unsubscribe = onCopiedBytes(({ database, bytes }) => copied.inc({ database }, bytes));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of a scrape. Scrapes run one at a time, as they share the registry. */
  scrape(databases: readonly ApiDatabase[]): Promise<string> {
    const done = this.#scraping.then(() => this.#scrape(databases));
    this.#scraping = done.catch(() => {});
    return done;
  }

  async #scrape(databases: readonly ApiDatabase[]): Promise<string> {
    for (const gauge of this.#gauges.values()) gauge.reset();
    await Promise.all(databases.map((database) => this.#read(database)));
    return this.#registry.metrics();
  }

  async #read(database: ApiDatabase): Promise<void> {
    const place = { instance: database.instance, database: database.name };
    const key = `${place.instance}/${place.database}`;
    const counted = this.#rows.get(key) ?? new CountedRows(this.#startedAt);
    this.#rows.set(key, counted);
    const found = await readDatabaseMetrics(database, {
      sidecarId: this.#sidecarId,
      since: counted.since,
      tablesMax: TABLES_MAX,
    }).catch(() => null);
    this.#set('synced_tables_database_up', place, found === null ? 0 : 1);
    if (found === null) return;
    this.#set('synced_tables_queue_length', place, found.queued);
    this.#set('synced_tables_running_updates', place, found.running);
    this.#set('synced_tables_leases', { ...place, holder: 'this' }, found.leasesHeld);
    this.#set('synced_tables_leases', { ...place, holder: 'another' }, found.leasesOfOthers);
    this.#set('synced_tables_tables_left_out', place, found.tablesLeftOut);
    const shown = new Set(found.tables.map(({ name }) => name));
    for (const table of found.tables) this.#showTable({ ...place, synced_table: table.name }, table);
    for (const { table, written, deleted } of counted.count(found)) {
      if (!shown.has(table)) continue;
      this.#written.inc({ ...place, synced_table: table }, written);
      this.#deleted.inc({ ...place, synced_table: table }, deleted);
    }
    for (const { result, count } of counted.countUpdates(found)) this.#updates.inc({ ...place, result }, count);
    for (const name of counted.forgetTables(shown)) {
      this.#written.remove({ ...place, synced_table: name });
      this.#deleted.remove({ ...place, synced_table: name });
    }
  }

  #showTable(labels: Record<(typeof TABLE)[number], string>, table: TableMetrics): void {
    for (const { name, read } of TABLE_GAUGES) {
      const value = read(table);
      if (value !== null) this.#set(name, labels, value);
    }
    this.#set('synced_tables_table_state', { ...labels, state: table.state }, 1);
  }

  #set(name: string, labels: Record<string, string>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): void {
    this.#gauges.set(name, new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] }));
  }

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}
