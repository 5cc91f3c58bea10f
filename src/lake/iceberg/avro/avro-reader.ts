import { assertNever } from '../../../core/assert-never.js';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import type { AvroCursor } from './avro-cursor.js';
import type { AvroType } from './avro-schema.js';

/** A value of an Avro file: 64-bit numbers are exact, bytes are views. */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | readonly AvroValue[]
  | ReadonlyMap<string, AvroValue>
  | AvroRecord;

/** Values by the names of fields; those that were not asked for are missing. */
export interface AvroRecord {
  readonly [name: string]: AvroValue;
}

/** Which fields of a record are wanted: whole, or some of their own. */
export interface WantedFields {
  readonly [name: string]: true | WantedFields;
}

type Read = (cursor: AvroCursor) => AvroValue;

/**
 * Makes a function that reads records; what is not wanted is passed over without becoming a value. Of manifests that is
 * most: bounds and counts of every column.
 * @throws MalformedBytes if `type` is no record
 */
export function recordReader(type: AvroType, wanted: WantedFields): (cursor: AvroCursor) => AvroRecord {
  if (type.kind !== 'record') throw new MalformedBytes('it does not hold records');
  const fields = type.fields.map(({ name, type: fieldType }) => {
    const want = Object.hasOwn(wanted, name) ? wanted[name] : undefined;
    if (want === undefined) return { name, isWanted: false, read: skipper(fieldType) };
    return { name, isWanted: true, read: want === true ? reader(fieldType) : partReader(fieldType, want) };
  });
  return (cursor) => {
    const record: Record<string, AvroValue> = {};
    for (const { name, isWanted, read } of fields) {
      const value = read(cursor);
      if (isWanted) record[name] = value;
    }
    return record;
  };
}

function partReader(type: AvroType, wanted: WantedFields): Read {
  if (type.kind === 'union') return unionOf(type.branches.map((branch) => partReader(branch, wanted)));
  return type.kind === 'record' ? recordReader(type, wanted) : reader(type);
}

function reader(type: AvroType): Read {
  switch (type.kind) {
    case 'record': {
      const all = Object.fromEntries(type.fields.map(({ name }) => [name, true as const]));
      return recordReader(type, all);
    }
    case 'array': {
      const item = reader(type.items);
      return (cursor) => {
        const items: AvroValue[] = [];
        eachItem(cursor, () => items.push(item(cursor)));
        return items;
      };
    }
    case 'map': {
      const item = reader(type.items);
      return (cursor) => {
        const entries = new Map<string, AvroValue>();
        eachItem(cursor, () => entries.set(cursor.string(), item(cursor)));
        return entries;
      };
    }
    case 'union':
      return unionOf(type.branches.map(reader));
    case 'enum':
      return (cursor) => type.symbols[cursor.int()] ?? null;
    case 'fixed':
      return (cursor) => cursor.fixed(type.size);
    default:
      return primitiveReader(type.kind);
  }
}

function primitiveReader(
  kind: Exclude<AvroType['kind'], 'record' | 'array' | 'map' | 'union' | 'enum' | 'fixed'>,
): Read {
  switch (kind) {
    case 'null':
      return () => null;
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'bytes':
    case 'string':
      return (cursor) => cursor[kind]();
    default:
      return assertNever(kind);
  }
}

/** Like `reader`, but makes no collections and no texts. */
function skipper(type: AvroType): Read {
  switch (type.kind) {
    case 'record': {
      const fields = type.fields.map((field) => skipper(field.type));
      return (cursor) => {
        for (const skip of fields) skip(cursor);
        return null;
      };
    }
    case 'array':
    case 'map': {
      const item = skipper(type.items);
      const isMap = type.kind === 'map';
      return (cursor) => {
        eachItem(cursor, () => {
          if (isMap) cursor.bytes();
          item(cursor);
        });
        return null;
      };
    }
    case 'union':
      return unionOf(type.branches.map(skipper));
    case 'string':
      return (cursor) => cursor.bytes();
    default:
      return reader(type);
  }
}

function unionOf(branches: readonly Read[]): Read {
  return (cursor) => {
    const index = cursor.int();
    const read = branches[index];
    if (!read) throw new MalformedBytes(`a value is of branch ${index} of a union of ${branches.length}`);
    return read(cursor);
  };
}

/** Items come in blocks: a count, negative if the block's size in bytes follows, and 0 after the last. */
function eachItem(cursor: AvroCursor, read: () => void): void {
  for (;;) {
    const count = cursor.int();
    if (count === 0) return;
    if (count < 0) cursor.long();
    // Every item that Iceberg stores takes a byte at least.
    if (Math.abs(count) > cursor.remaining) throw new MalformedBytes('it ends too early');
    for (let n = Math.abs(count); n > 0; n--) read();
  }
}
