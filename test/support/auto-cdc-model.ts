import type { AutoCdcField, AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import type { Row } from './auto-cdc-vectors.js';

/** The reference model of Auto CDC: slow, plain, and independent of the SQL. Events are staged rows. */
export function modelTable(flow: AutoCdcFlow, events: readonly Row[]): Row[] {
  const keyed = new Map<string, { key: Row; events: Row[] }>();
  const truncates = events.filter((event) => event.__autocdc_kind === 'T');
  for (const event of events) {
    if (event.__autocdc_kind === 'T') continue;
    const key = Object.fromEntries(flow.keyColumns.map((name) => [name, event[name]]));
    const text = JSON.stringify(key);
    const found = keyed.get(text) ?? { key, events: [] };
    found.events.push(event);
    keyed.set(text, found);
  }
  return [...keyed.values()].flatMap(({ key, events: own }) =>
    flow.scdType === 1 ? currentRow(flow, key, [...own, ...truncates]) : history(flow, key, own),
  );
}

const kindOf = (event: Row) => event.__autocdc_kind;

function currentRow(flow: AutoCdcFlow, key: Row, events: readonly Row[]): Row[] {
  const rank = (event: Row) => (kindOf(event) === 'U' ? 1 : 0);
  const ordered = events.toSorted(
    (a, b) => compareSequence(flow, a, b) || rank(a) - rank(b) || (rank(a) === 1 ? compareContent(flow, a, b) : 0),
  );
  let row: Record<string, unknown> | null = null;
  for (const event of ordered) row = kindOf(event) === 'U' ? overlay(flow, row ?? nothing(flow), event) : null;
  return row === null ? [] : [{ ...key, ...row }];
}

function history(flow: AutoCdcFlow, key: Row, events: readonly Row[]): Row[] {
  const ordered = events.toSorted((a, b) => compareSequence(flow, a, b));
  const kept: { event: Row; value: Row | null }[] = [];
  for (const event of ordered) {
    const last = kept.at(-1)?.event;
    if (last === undefined || compareSequence(flow, last, event) !== 0) kept.push({ event, value: null });
    else if (isGreater(flow, event, last)) kept[kept.length - 1] = { event, value: null };
  }
  let carry: Row | null = null;
  for (const entry of kept) {
    carry = kindOf(entry.event) === 'U' ? overlay(flow, carry ?? nothing(flow), entry.event) : null;
    entry.value = carry;
  }
  const rows: Row[] = [];
  for (let from = 0; from < kept.length; ) {
    const first = kept[from]?.value;
    let to = from;
    while (first && kept[to + 1]?.value && isSameTracked(flow, first, kept[to + 1]?.value)) to += 1;
    const [start, last, next] = [kept[from], kept[to], kept[to + 1]];
    if (first && start && last?.value) {
      rows.push({
        ...key,
        ...last.value,
        __START_AT: shownSequence(flow, start.event),
        __END_AT: next ? shownSequence(flow, next.event) : null,
      });
    }
    from = to + 1;
  }
  return rows;
}

/** Of two events of a key with one sequence value, whether `a` is the one that counts in SCD type 2. */
function isGreater(flow: AutoCdcFlow, a: Row, b: Row): boolean {
  if (kindOf(a) !== kindOf(b)) return kindOf(a) === 'D';
  return kindOf(a) === 'U' && compareContent(flow, a, b) > 0;
}

function isSameTracked(flow: AutoCdcFlow, a: Row, b: Row | null | undefined): boolean {
  const tracked = (row: Row | null | undefined) =>
    JSON.stringify(flow.trackedColumns.map((name) => sortedMembers(row?.[name])));
  return tracked(a) === tracked(b);
}

function sortedMembers(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value ?? null;
  if (Array.isArray(value)) return value.map(sortedMembers);
  const entries = Object.entries(value).map(([name, member]) => [name, sortedMembers(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function dataColumns(flow: AutoCdcFlow) {
  return flow.columns.filter(({ name }) => !flow.keyColumns.includes(name));
}

function nothing(flow: AutoCdcFlow): Row {
  return Object.fromEntries(dataColumns(flow).map(({ name }) => [name, null]));
}

function overlay(flow: AutoCdcFlow, row: Row, event: Row): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...row };
  for (const { name, struct } of dataColumns(flow)) {
    const value = event[name] ?? null;
    if (flow.columnsToUpdate) {
      const list = event.__autocdc_authored as readonly string[] | null;
      if (list === null || list.includes(name)) changed[name] = value;
    } else if (!flow.ignoreNullColumns.includes(name)) changed[name] = value;
    else if (struct !== null) changed[name] = overlayStruct(struct, row[name], value);
    else if (value !== null) changed[name] = value;
  }
  return changed;
}

function overlayStruct(fields: readonly AutoCdcField[], before: unknown, value: unknown): Row | null {
  const member = (whole: unknown, name: string) => (whole as Row | null)?.[name] ?? null;
  const merged = fields.map(({ name, struct }) => {
    const [old, now] = [member(before, name), member(value, name)];
    return [name, struct === null ? (now ?? old) : overlayStruct(struct, old, now)] as const;
  });
  return merged.every(([, leaf]) => leaf === null) ? null : Object.fromEntries(merged);
}

function sequenceOf(flow: AutoCdcFlow, event: Row): unknown[] {
  return flow.sequence.fields.map((_, place) => event[`__autocdc_seq${place + 1}`] ?? null);
}

function compareSequence(flow: AutoCdcFlow, a: Row, b: Row): number {
  return compareValues(sequenceOf(flow, a), sequenceOf(flow, b));
}

function shownSequence(flow: AutoCdcFlow, event: Row): unknown {
  const values = sequenceOf(flow, event);
  if (flow.sequence.kind === 'column') return values[0];
  return Object.fromEntries(flow.sequence.fields.map(({ name }, place) => [name, values[place]]));
}

function compareContent(flow: AutoCdcFlow, a: Row, b: Row): number {
  for (const { name, struct } of dataColumns(flow)) {
    const order = struct === null ? compareValues(a[name], b[name]) : compareStructs(struct, a[name], b[name]);
    if (order !== 0) return order;
  }
  const list = (event: Row) =>
    (event.__autocdc_authored as readonly string[] | null) ?? dataColumns(flow).map(({ name }) => name);
  return flow.columnsToUpdate ? compareValues([...new Set(list(a))].sort(), [...new Set(list(b))].sort()) : 0;
}

function compareStructs(fields: readonly AutoCdcField[], a: unknown, b: unknown): number {
  if (a == null || b == null) return Number(a != null) - Number(b != null);
  for (const { name, struct } of fields) {
    const [left, right] = [(a as Row | null)?.[name] ?? null, (b as Row | null)?.[name] ?? null];
    const order = struct === null ? compareValues(left, right) : compareStructs(struct, left, right);
    if (order !== 0) return order;
  }
  return 0;
}

const TYPES_ASCENDING = ['boolean', 'number', 'string', 'object'];

/**
 * Null lowest, then booleans, numbers, texts and arrays: false before true, numbers by value, texts by code point, arrays
 * element by element.
 */
function compareValues(a: unknown, b: unknown): number {
  if (a === null || a === undefined || b === null || b === undefined) return Number(a != null) - Number(b != null);
  if (typeof a !== typeof b) return TYPES_ASCENDING.indexOf(typeof a) - TYPES_ASCENDING.indexOf(typeof b);
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let place = 0; place < Math.min(a.length, b.length); place++) {
      const order = compareValues(a[place], b[place]);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  return Number(a) - Number(b);
}
