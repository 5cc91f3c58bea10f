import type { AutoCdcSequence } from '../../core/flows/auto-cdc-flow.js';
import { SEQUENCE_IS_NULL_COLUMN, sequenceColumn } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';

/**
 * A sequence value as columns that Postgres compares as a row, `(a, b) < (c, d)`, backed by an index: none of them is
 * ever null. First whether there is a value at all (none sorts below every value), then the value; for a struct, per
 * field whether it is null (null sorts lowest), then its value. Texts compare by code point.
 */
export interface SequenceOrder {
  readonly sequence: AutoCdcSequence;
  readonly parts: readonly OrderPart[];
}

interface OrderPart {
  /** End of the column's name. */
  readonly suffix: string;
  readonly type: string;
  /** Placeholder if there is no value. */
  readonly filler: string;
}

export function sequenceOrder(sequence: AutoCdcSequence): SequenceOrder {
  const parts: OrderPart[] = [{ suffix: 'known', type: 'boolean', filler: 'false' }];
  sequence.fields.forEach((field, index) => {
    if (sequence.kind === 'struct') parts.push({ suffix: `${index + 1}_known`, type: 'boolean', filler: 'false' });
    parts.push({
      suffix: `${index + 1}`,
      type: field.postgresType === 'text' ? 'text collate "C"' : field.postgresType,
      filler: `${quoteLiteral(fillerText(field.postgresType))}::${field.postgresType}`,
    });
  });
  return { sequence, parts };
}

function fillerText(type: string): string {
  const filler = knownFiller(type);
  if (filler === null) throw new Error(`type ${type} cannot be a sequence`);
  return filler;
}

function knownFiller(type: string): string | null {
  const base = type.replace(/\(.*?\)/, '');
  if (/^(smallint|integer|bigint|numeric|real|double precision|interval)\b/.test(base)) return '0';
  if (/^(date|timestamp)\b/.test(base)) return 'epoch';
  if (base === 'boolean') return 'false';
  if (base === 'time without time zone') return '00:00';
  if (base === 'uuid') return '00000000-0000-0000-0000-000000000000';
  return base === 'text' || base === 'bytea' ? '' : null;
}

/** The type in which a Postgres column's values are stored as a sequence; null if they have no usable order. */
export function sequenceTypeOf(postgresType: string): string | null {
  const type = /^character( varying)?(\(\d+\))?$/.test(postgresType) ? 'text' : postgresType;
  return knownFiller(type) === null ? null : type;
}

/** The order columns that begin with `prefix`, quoted; qualified by `alias` if given. */
export function orderColumns(order: SequenceOrder, prefix: string, alias = ''): string[] {
  const of = alias === '' ? '' : `${alias}.`;
  return order.parts.map(({ suffix }) => `${of}${orderColumn(prefix, suffix)}`);
}

function orderColumn(prefix: string, suffix: string): string {
  return quoteIdentifier(`__autocdc_${prefix}_${suffix}`);
}

/** The row of order columns, for comparisons. */
export function orderRow(order: SequenceOrder, prefix: string, alias = ''): string {
  return `(${orderColumns(order, prefix, alias).join(', ')})`;
}

export function orderColumnDefinitions(order: SequenceOrder, prefix: string): string[] {
  return order.parts.map(
    ({ suffix, type, filler }) => `${orderColumn(prefix, suffix)} ${type} not null default ${filler}`,
  );
}

/** The contents of the order columns if there is no value. */
export function noOrder(order: SequenceOrder): string[] {
  return order.parts.map((part) => part.filler);
}

/** Order columns of a staged event. */
export function stagedOrder(order: SequenceOrder, alias: string): string[] {
  return ['true', ...fieldOrders(order, (place) => `${alias}.${quoteIdentifier(sequenceColumn(place))}`)];
}

function fieldOrders(order: SequenceOrder, value: (place: number) => string): string[] {
  return order.sequence.fields.flatMap((_, index) => {
    const column = value(index + 1);
    if (order.sequence.kind === 'column') return [column];
    const filler = order.parts.find((part) => part.suffix === `${index + 1}`)?.filler;
    return [`${column} is not null`, `coalesce(${column}, ${filler})`];
  });
}

/** Whether a staged event has no sequence. */
export function isStagedSequenceNull(order: SequenceOrder, alias: string): string {
  const column = order.sequence.kind === 'struct' ? SEQUENCE_IS_NULL_COLUMN : sequenceColumn(1);
  return order.sequence.kind === 'struct'
    ? `coalesce(${alias}.${quoteIdentifier(column)}, false)`
    : `${alias}.${quoteIdentifier(column)} is null`;
}

/** Type of `__START_AT` and `__END_AT`. */
export function shownSequenceType(order: SequenceOrder): string {
  return order.sequence.kind === 'struct' ? 'jsonb' : (order.sequence.fields[0]?.postgresType ?? 'text');
}

/** The sequence as users see it; null if there is none. */
export function shownSequence(order: SequenceOrder, prefix: string, alias: string): string {
  const column = (suffix: string) => `${alias}.${orderColumn(prefix, suffix)}`;
  if (order.sequence.kind === 'column') return `case when ${column('known')} then ${column('1')} end`;
  const members = order.sequence.fields.map(
    (field, index) =>
      `${quoteLiteral(field.name)}, case when ${column(`${index + 1}_known`)} then ${column(`${index + 1}`)} end`,
  );
  return `case when ${column('known')} then jsonb_build_object(${members.join(', ')}) end`;
}

/** The reverse, for sequences that users write. */
export function orderOfShown(order: SequenceOrder, shown: string): string[] {
  if (order.sequence.kind === 'column') {
    return [`${shown} is not null`, `coalesce(${shown}, ${order.parts[1]?.filler})`];
  }
  const value = (place: number) => {
    const field = order.sequence.fields[place - 1];
    return `(${shown} ->> ${quoteLiteral(field?.name ?? '')})::${field?.postgresType}`;
  };
  return [`${shown} is not null`, ...fieldOrders(order, value)];
}

/** The order columns as one JSON array, and back. */
export function orderAsJson(columns: readonly string[]): string {
  return `jsonb_build_array(${columns.join(', ')})`;
}

export function orderOfJson(order: SequenceOrder, json: string): string[] {
  return order.parts.map(({ type }, index) => `(${json} ->> ${index})::${type}`);
}
