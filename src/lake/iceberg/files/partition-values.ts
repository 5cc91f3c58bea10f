import type { DataType } from '../../../core/data-type.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import { nullOf } from '../../parquet/project-column.js';
import type { AvroValue } from '../avro/avro-reader.js';
import type { ContentFile } from '../manifests/content-file.js';
import type { PartitionSpec } from '../metadata/table-metadata.js';

const DAY_MICROSECONDS = 86_400_000_000n;

/** The partition field that holds a column's own value; null if none does. */
export function identityOf(spec: PartitionSpec, fieldId: number | undefined): number | null {
  const field = spec.fields.find(({ sourceId, transform }) => sourceId === fieldId && transform === 'identity');
  return field?.fieldId ?? null;
}

/** The value of an identity partition as text, for a column of `type` to be made of it by `partitionExpression`. */
export function partitionText(type: DataType, value: AvroValue): string | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return bytesText(type, value);
  // A date of the time before its column became a timestamp.
  const isDay = typeof value === 'number' && (type.kind === 'timestamp' || type.kind === 'timestamp_ntz');
  return isDay ? String(BigInt(value) * DAY_MICROSECONDS) : String(value);
}

function bytesText(type: DataType, bytes: Buffer): string {
  const hex = bytes.toString('hex');
  if (type.kind === 'uuid') return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return type.kind === 'decimal' ? decimalText(signedNumber(bytes), type.scale) : hex;
}

/** Two's complement, the highest byte first. */
export function signedNumber(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
}

export function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

/** SQL that reads a text of `partitionText`. */
export function partitionExpression(type: DataType, text: string): string {
  switch (type.kind) {
    case 'string':
      return text;
    case 'void':
      return nullOf(type);
    case 'binary':
      return `unhex(${text})`;
    case 'date':
      return `(date '1970-01-01' + cast(${text} as integer))`;
    case 'time':
      return `(time '00:00:00' + to_microseconds(cast(${text} as bigint)))`;
    case 'timestamp':
      return `make_timestamptz(cast(${text} as bigint))`;
    case 'timestamp_ntz':
      return `make_timestamp(cast(${text} as bigint))`;
    default:
      return `cast(${text} as ${duckDbType(type)})`;
  }
}

/** Numbers partitions: files have the same number if they have the same spec and the same values. */
export class PartitionNumbers {
  readonly #numbers = new Map<string, number>();

  of({ spec, partition }: Pick<ContentFile, 'spec' | 'partition'>): number {
    const values = spec.fields.map(({ fieldId }) => {
      const value = partition.get(fieldId) ?? null;
      return Buffer.isBuffer(value)
        ? `x${value.toString('hex')}`
        : value === null
          ? null
          : `${typeof value} ${String(value)}`;
    });
    const key = JSON.stringify([spec.id, ...values]);
    const number = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}

/** Whether files of a spec belong to no partition: deletes by equality that are written so concern the whole table. */
export function isUnpartitioned(spec: PartitionSpec): boolean {
  return spec.fields.every(({ transform }) => transform === 'void');
}
