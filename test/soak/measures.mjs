// @ts-check
// What the soak measures, and how much of it there is more every hour (Linux).
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** @typedef {{ name: string, unit: string, digits: number }} Measure */
/** @typedef {Record<string, number>} Sample by the name of the measure */

const MB = 2 ** 20;

/** @type {readonly Measure[]} */
export const MEASURES = [
  { name: 'rss', unit: 'MB', digits: 1 },
  { name: 'fds', unit: '', digits: 0 },
  { name: 'sessions', unit: '', digits: 0 },
  { name: 'dead_rows', unit: '', digits: 0 },
  { name: 'dead_registry', unit: '', digits: 0 },
  { name: 'registry', unit: 'MB', digits: 2 },
  { name: 'catalogs', unit: 'MB', digits: 2 },
  { name: 'scratch', unit: 'files', digits: 0 },
  { name: 'log', unit: 'kB', digits: 0 },
];

const MEASURE_DATABASE = `
  with registry as (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = 'synced_tables' and c.relkind = 'r'),
       parts as (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                  where n.nspname = '__db_system' and c.relkind = 'r')
  select (select count(*) from pg_stat_activity
           where datname = current_database() and application_name like 'synced-tables%')::float8 as sessions,
         (select coalesce(sum(pg_stat_get_dead_tuples(oid)), 0) from parts)::float8 as dead_rows,
         (select coalesce(sum(pg_stat_get_dead_tuples(oid)), 0) from registry)::float8 as dead_registry,
         (select sum(pg_total_relation_size(oid)) from registry)::float8 / ${MB} as registry,
         (select sum(pg_total_relation_size(oid)) from pg_class
           where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r')::float8 / ${MB} as catalogs`;

/**
 * @param {{ client: import('pg').Client, pid: number, scratch: string, log: string }} what `pid`: the sidecar that lives
 * @returns {Promise<Sample>}
 */
export async function takeSample({ client, pid, scratch, log }) {
  const { rows } = await client.query(MEASURE_DATABASE);
  const [, kb] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return {
    ...rows[0],
    rss: Number(kb) / 1024,
    fds: readdirSync(`/proc/${pid}/fd`).length,
    scratch: readdirSync(scratch, { recursive: true }).length,
    log: statSync(log).size / 1024,
  };
}

/** By how much each measure grows an hour: the slope of the straight line through all samples. */
export function slopesPerHour(/** @type {readonly { ms: number, sample: Sample }[]} */ samples) {
  return MEASURES.map(({ name }) => slope(samples.map(({ ms, sample }) => [ms / 3_600_000, sample[name] ?? 0])));
}

/** Least squares. */
function slope(/** @type {[number, number][]} */ points) {
  const mean = (/** @type {number[]} */ list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const covariance = mean(points.map(([x, y]) => (x - meanX) * (y - meanY)));
  return covariance / mean(points.map(([x]) => (x - meanX) ** 2));
}
