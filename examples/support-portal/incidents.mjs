// The table lake.support.incidents: its columns, and invented incidents to fill it with.
import path from 'node:path';
import { DeltaTable, quote } from './delta-table.mjs';

/** Delta types by column. */
export const columns = {
  incident_id: 'string',
  customer: 'string',
  title: 'string',
  category: 'string',
  severity: 'string',
  channel: 'string',
  opened_at: 'timestamp',
  sla_due_at: 'timestamp',
  escalation_risk: 'double',
  recommended_action: 'string',
  sentiment: 'string',
  model_version: 'string',
  scored_at: 'timestamp',
};

export const modelVersion = 'v3';

const titles = {
  payments: ['Payment fails at checkout', 'Card charged twice', 'Refund has not arrived'],
  access: ['Login loop', 'Password mail never comes', 'Two-step code refused'],
  invoices: ['Invoice wrong', 'Tax number missing on invoice', 'Credit note not booked'],
  delivery: ['Parcel marked as delivered, but absent', 'Tracking page stays empty', 'Delivered to the old address'],
  performance: ['Monthly report takes minutes', 'Search times out', 'Upload stops at 90 %'],
  integrations: ['Webhook called twice', 'Nightly export stops half way', 'Access key refused'],
};
const severities = ['low', 'medium', 'high', 'critical'];
const channels = ['email', 'chat', 'phone', 'web'];
const customerStarts = ['Alder', 'Blue', 'Copper', 'Dune', 'Elm', 'Fjord', 'Granite', 'Harbour', 'Iris', 'Juniper'];
const customerEnds = ['field Foods', 'gate Tools', 'line Rentals', 'mark Print', 'stone Travel', 'wood Studio'];

/** Hours until an answer is due. */
const hoursBySeverity = { low: 72, medium: 24, high: 8, critical: 2 };
const hour = 3_600_000;

/** Opens the table in the folder of a lake, and fills it if it is new. */
export async function openIncidents(lake, { count = 300, ...options } = {}) {
  const folder = path.join(lake, 'support', 'incidents');
  const table = await DeltaTable.open({ folder, columns, key: 'incident_id', ...options });
  if (table.version < 0) {
    const random = randomFrom(7);
    const rows = Array.from({ length: count }, (_, index) => inventIncident(index + 1, { random, isNew: false }));
    await table.commit(insertion(rows));
  }
  return table;
}

/**
 * One incident.
 * @param number becomes its id
 * @param options.isNew false: it was opened a while ago, and may be due
 */
export function inventIncident(number, { random, isNew }) {
  const pick = (values) => values[Math.floor(random() * values.length)];
  const category = pick(Object.keys(titles));
  const severity = pick(severities);
  const hoursToAnswer = hoursBySeverity[severity];
  const openedAt = Date.now() - (isNew ? 0 : random() * 1.2 * hoursToAnswer * hour);
  // Most incidents are calm.
  const risk = random() ** 2 * 0.97 + 0.01;
  return {
    incident_id: `INC-${String(number).padStart(4, '0')}`,
    customer: pick(customerStarts) + pick(customerEnds),
    title: pick(titles[category]),
    category,
    severity,
    channel: pick(channels),
    opened_at: new Date(openedAt).toISOString(),
    sla_due_at: new Date(openedAt + hoursToAnswer * hour).toISOString(),
    ...prediction(risk),
  };
}

/** What the model says of an incident whose risk to escalate is `risk`. */
export function prediction(risk) {
  const [action, sentiment] =
    risk >= 0.8
      ? ['Call back within the hour', 'angry']
      : risk >= 0.6
        ? ['Offer a workaround today', 'annoyed']
        : risk >= 0.3
          ? ['Answer in order of arrival', 'neutral']
          : ['Send the help page', 'calm'];
  return {
    escalation_risk: Math.round(risk * 1000) / 1000,
    recommended_action: action,
    sentiment,
    model_version: modelVersion,
    scored_at: new Date().toISOString(),
  };
}

/** The statement that adds rows. */
export function insertion(incidents) {
  const names = Object.keys(columns);
  const values = incidents.map((incident) => `(${names.map((name) => quote(incident[name])).join(', ')})`);
  return `insert into rows (${names.join(', ')}) values ${values.join(', ')}`;
}

/** The statement that gives an incident another prediction. */
export function rescoring(incidentId, risk) {
  const changes = Object.entries(prediction(risk)).map(([name, value]) => `${name} = ${quote(value)}`);
  return `update rows set ${changes.join(', ')} where incident_id = ${quote(incidentId)}`;
}

/** The statement that takes an incident out. */
export function removal(incidentId) {
  return `delete from rows where incident_id = ${quote(incidentId)}`;
}

/** Numbers from 0 to 1 that are the same at each run (mulberry32). */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
