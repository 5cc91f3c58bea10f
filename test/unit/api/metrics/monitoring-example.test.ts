import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SidecarMetrics } from '../../../../src/api/metrics/sidecar-metrics.js';

// Goal: the dashboard and the alert rules ask for metrics and labels that a sidecar exports, the guide lists all of them, and it
// explains every alert.

const root = path.resolve(import.meta.dirname, '../../../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

async function exported(): Promise<Set<string>> {
  using metrics = new SidecarMetrics('test');
  const text = await metrics.scrape([]);
  return new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name));
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

function rules(): Rule[] {
  const { groups } = parse(read('examples/monitoring/alerts.yml')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

function dashboardQueries(): string[] {
  const queries: string[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if ((key === 'expr' || key === 'query') && typeof item === 'string') queries.push(item);
        else collect(item);
      }
    }
  };
  collect(JSON.parse(read('examples/monitoring/grafana-dashboard.json')));
  return queries;
}

const namesIn = (query: string) => [...query.matchAll(/\b(?:synced_tables|process|nodejs)_\w+/g)].map(([name]) => name);

it('queries of dashboard and alerts are about metrics that there are', async () => {
  const known = await exported();
  const asked = [...dashboardQueries(), ...rules().map(({ expr }) => expr)].flatMap(namesIn);
  expect(new Set(asked).size).toBeGreaterThan(12);
  expect([...new Set(asked)].filter((name) => !known.has(name))).toEqual([]);
});

it('they use labels that the metrics have, or that Prometheus adds', () => {
  const allowed = new Set([
    'exported_instance',
    'instance',
    'job',
    'database',
    'synced_table',
    'state',
    'result',
    'holder',
  ]);
  const used = [...dashboardQueries(), ...rules().map(({ expr }) => expr)].flatMap((query) => [
    ...[...query.matchAll(/(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(',').map((name) => name.trim()),
    ),
    ...[...query.matchAll(/[{,] ?(\w+)=~?"/g)].map(([, name = '']) => name),
  ]);
  expect(used.length).toBeGreaterThan(50);
  expect([...new Set(used)].filter((name) => !allowed.has(name))).toEqual([]);
});

it('the guide lists every metric of ours, and no other', async () => {
  const listed = new Set(
    [...read('docs/guides/metrics.md').matchAll(/`(synced_tables_\w+)`/g)].map(([, name = '']) => name),
  );
  const ours = [...(await exported())].filter((name) => name.startsWith('synced_tables_'));
  expect([...listed].sort()).toEqual(ours.sort());
});

it('the guide explains every alert', () => {
  const guide = read('docs/guides/observability.md');
  const alerts = rules().map(({ alert }) => alert);
  expect(alerts.length).toBeGreaterThan(8);
  expect(alerts.filter((alert) => !guide.includes(`\`${alert}\``))).toEqual([]);
});
