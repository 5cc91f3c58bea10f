/**
 * The type of a source column, as the lakehouse declares it. Names are those of the Delta protocol
 * ("Schema Serialization Format"), which lacks `time` and `uuid`; every reader translates its own types into these.
 */
export type DataType =
  | {
      readonly kind: PrimitiveKind;
      /** Of dates and timestamps: whether the engine's infinities are infinities, rather than the ends of what a file can hold. */
      readonly hasInfinities?: true;
    }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'array'; readonly element: DataType }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: DataType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  /** A type that cannot be synced (geometry, object …), kept by name for error messages. */
  | { readonly kind: 'unsupported'; readonly name: string };

export type PrimitiveKind =
  | 'string'
  | 'long'
  | 'integer'
  | 'short'
  | 'byte'
  | 'float'
  | 'double'
  | 'boolean'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | 'time'
  | 'interval'
  | 'uuid'
  | 'void'
  | 'variant';

/** A column of a table or a member of a struct. */
export interface Field {
  /** The name that users see. */
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  /** The name inside data files; differs from `name` under Delta column mapping. */
  readonly physicalName: string;
  /** Parquet field id: Delta column mapping id, Iceberg field id. Absent where the format has none. */
  readonly fieldId?: number;
}

/** `decimal(10,2)`, `array<string>`, `struct<a:long>` …: the SQL text of a type, for people. */
export function dataTypeText(type: DataType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'array':
      return `array<${dataTypeText(type.element)}>`;
    case 'map':
      return `map<${dataTypeText(type.key)},${dataTypeText(type.value)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${dataTypeText(field.type)}`).join(',')}>`;
    case 'unsupported':
      return type.name;
    default:
      return type.kind;
  }
}
