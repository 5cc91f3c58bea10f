import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import type { AvroRecord, AvroValue } from '../avro/avro-reader.js';

// Fields of records in manifests. One that the writer's version of the format lacks is null, as one without a value is.

function isAbsent(value: AvroValue | undefined): value is null | undefined {
  return value === null || value === undefined;
}

function wrong(name: string): MalformedBytes {
  return new MalformedBytes(`field ${name} of a record is missing or of the wrong type`);
}

export function optionalLong(record: AvroRecord, name: string): bigint | null {
  const value = record[name];
  if (isAbsent(value)) return null;
  if (typeof value === 'bigint' || typeof value === 'number') return BigInt(value);
  throw wrong(name);
}

export function optionalInt(record: AvroRecord, name: string): number | null {
  const value = optionalLong(record, name);
  if (value !== null && !Number.isSafeInteger(Number(value))) throw wrong(name);
  return value === null ? null : Number(value);
}

export function optionalText(record: AvroRecord, name: string): string | null {
  const value = record[name];
  if (isAbsent(value)) return null;
  if (typeof value === 'string') return value;
  throw wrong(name);
}

export function requiredLong(record: AvroRecord, name: string): bigint {
  return present(optionalLong(record, name), name);
}

export function requiredInt(record: AvroRecord, name: string): number {
  return present(optionalInt(record, name), name);
}

export function requiredText(record: AvroRecord, name: string): string {
  return present(optionalText(record, name), name);
}

/** Numbers of a list; none if there is no list. */
export function intList(record: AvroRecord, name: string): number[] {
  const value = record[name];
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw wrong(name);
  return value.map((item: AvroValue) => (typeof item === 'number' ? item : Number(present(null, name))));
}

/** Values of a map whose keys are ids of fields, which is a list of pairs; those of some ids. */
export function entriesOf(record: AvroRecord, name: string, wanted: ReadonlySet<number>): Map<number, AvroValue> {
  const found = new Map<number, AvroValue>();
  const entries = record[name];
  if (isAbsent(entries)) return found;
  if (!Array.isArray(entries)) throw wrong(name);
  for (const entry of entries as readonly AvroValue[]) {
    const { key, value = null } = (entry ?? {}) as AvroRecord;
    if (typeof key !== 'number') throw wrong(name);
    if (wanted.has(key)) found.set(key, value);
  }
  return found;
}

export function recordOf(record: AvroRecord, name: string): AvroRecord {
  const value = record[name];
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
  if (!isPlain || value instanceof Map) throw wrong(name);
  return value as AvroRecord;
}

function present<Value>(value: Value | null, name: string): Value {
  if (value === null) throw wrong(name);
  return value;
}
