/**
 * Text of dates and timestamps. To the engine, the greatest integer and its negative are `infinity` and `-infinity`; in
 * files of the lakehouse they are nothing but the last day or microsecond at either end. The engine has no text for
 * those, and none for the microseconds before its own first day, which it refuses.
 */

export type TemporalKind = 'date' | 'timestamp' | 'timestamp_ntz';

/** A type with dates or moments as values. */
export interface TemporalType {
  readonly kind: TemporalKind;
  /** See `DataType`. */
  readonly hasInfinities?: true;
}

/** Any moment that is neither first nor last: infinities are on this side or on that. */
const BETWEEN: Readonly<Record<TemporalKind, string>> = {
  date: `'2000-01-01'::date`,
  timestamp: `'2000-01-01 00:00:00+00'::timestamptz`,
  timestamp_ntz: `'2000-01-01'::timestamp`,
};

/** The texts of the day and the microsecond that the engine takes for infinity. */
const LAST_DAY = '5881580-07-11';
const LAST_MICROSECOND = '294247-01-10 04:00:54.775807';
/** The day that the engine takes for -infinity. */
const FIRST_DAY = '5877642-06-24 (BC)';

/** In the words of the engine. */
const OUT_OF_RANGE = `error('Timestamp out of range')`;

export function isTemporal(kind: string): kind is TemporalKind {
  return kind in BETWEEN;
}

/**
 * SQL of the text of a value, be it of a file of the lakehouse or of a source with infinities; NULL where it is NULL.
 * @param finite SQL of the text of finite values
 * @param suffix follows the text of the last microsecond
 */
export function temporalText(type: TemporalType, value: string, finite: string, suffix = ''): string {
  const { kind, hasInfinities } = type;
  if (hasInfinities) return `case when isfinite(${value}) then ${finite} else cast(${value} as varchar) end`;
  const [first, last] =
    kind === 'date' ? [`'${FIRST_DAY}'`, `'${LAST_DAY}'`] : [OUT_OF_RANGE, `'${LAST_MICROSECOND}${suffix}'`];
  return `case when isfinite(${value}) then ${finite} when ${value} > ${BETWEEN[kind]} then ${last} when ${value} < ${BETWEEN[kind]} then ${first} end`;
}

/** SQL of the text of a value of Postgres, whose infinities are infinities. */
export function postgresTemporalText(kind: TemporalKind, value: string): string {
  return temporalText({ kind, hasInfinities: true }, value, finiteText(kind, value));
}

/**
 * SQL of the text of a finite value. The engine's own conversion of an instant uses its time zone tables and takes three
 * times as long.
 */
export function finiteText(kind: TemporalKind, value: string): string {
  return kind === 'timestamp'
    ? `cast(make_timestamp(epoch_us(${value})) as varchar) || '+00'`
    : `cast(${value} as varchar)`;
}

/** SQL of `result`, or an error where `value`, a date or timestamp, is infinite to the engine. */
export function unlessInfinite(value: string, result: string): string {
  return `case when not isfinite(${value}) then ${OUT_OF_RANGE} else ${result} end`;
}
