// A model that keeps scoring: every two seconds it gives 1 to 5 incidents another prediction, and now and then one is
// opened or closed upstream. start.mjs runs it; on its own it is: node simulate.mjs LAKE_FOLDER
import { setTimeout as sleep } from 'node:timers/promises';
import { insertion, inventIncident, openIncidents, removal, rescoring } from './incidents.mjs';
import { isMain } from './is-main.mjs';

const pauseMs = 2000;
/** About one commit in so many opens an incident, and one closes one: their number stays about the same. */
const commitsPerArrival = 10;

/** Commits changes until `signal` aborts, and calls `onCommit` after each. */
export async function simulate(table, { signal, random = Math.random, onCommit = () => {} }) {
  while (!signal.aborted) {
    await table.commit(...(await nextChanges(table, random)));
    onCommit(table.version);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** The statements of the next commit. */
export async function nextChanges(table, random) {
  const incidents = await table.query('select incident_id, escalation_risk from rows order by escalation_risk desc');
  const statements = [];
  for (let count = 1 + Math.floor(random() * 5); count > 0; count--) {
    // The model looks most often at those that may escalate.
    const { incident_id: id, escalation_risk: risk } = incidents[Math.floor(random() ** 2 * incidents.length)];
    statements.push(rescoring(id, nextRisk(risk, random)));
  }
  if (random() < 1 / commitsPerArrival) {
    // Never the id of one that was closed: what agents wrote about that one would seem to be about this one.
    statements.push(insertion([inventIncident(1000 + table.version, { random, isNew: true })]));
  }
  if (random() < 1 / commitsPerArrival) {
    statements.push(removal(incidents[Math.floor(random() * incidents.length)].incident_id));
  }
  return statements;
}

/** Moves a little, rather down than up where it is high. */
function nextRisk(risk, random) {
  const moved = risk + (0.4 - risk) * 0.15 + (random() + random() - 1) * 0.3;
  return Math.min(0.99, Math.max(0.01, moved));
}

if (isMain(import.meta.url)) {
  const [, , lake] = process.argv;
  if (lake === undefined) {
    console.error('Usage: node simulate.mjs LAKE_FOLDER');
    process.exit(2);
  }
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stopped.abort());
  const table = await openIncidents(lake);
  await simulate(table, {
    signal: stopped.signal,
    onCommit: (version) => console.log(`Committed version ${version}.`),
  });
  table.close();
}
