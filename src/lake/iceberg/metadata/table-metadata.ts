import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';

/** A whole number of up to 64 bits, as `parseLosslessJson` leaves it. */
const long = z.union([z.number().int(), z.string().regex(/^-?\d{1,19}$/)]).transform((value) => BigInt(value));
const int = z.number().int();

const fieldShape = z.object({
  id: int,
  name: z.string(),
  required: z.boolean().default(false),
  type: z.unknown(),
  doc: z.string().nullish(),
  'initial-default': z.unknown().optional(),
});
export type SchemaFieldJson = z.infer<typeof fieldShape>;

/** A nested type as a schema writes it. */
export const nestedTypeShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('struct'), fields: z.array(fieldShape) }),
  z.object({ type: z.literal('list'), 'element-id': int, element: z.unknown() }),
  z.object({ type: z.literal('map'), 'key-id': int, key: z.unknown(), 'value-id': int, value: z.unknown() }),
]);

const schemaShape = z.object({
  'schema-id': int.default(0),
  fields: z.array(fieldShape),
  'identifier-field-ids': z.array(int).nullish(),
});
export type SchemaJson = z.infer<typeof schemaShape>;

const partitionFieldShape = z.object({
  name: z.string(),
  transform: z.string(),
  'source-id': int.optional(),
  'source-ids': z.array(int).optional(),
  'field-id': int.optional(),
});
export const partitionFieldsShape = z.array(partitionFieldShape);
const specShape = z.object({ 'spec-id': int, fields: partitionFieldsShape });

const snapshotShape = z.object({
  'snapshot-id': long,
  'parent-snapshot-id': long.nullish(),
  'sequence-number': long.nullish(),
  'timestamp-ms': int,
  'manifest-list': z.string().nullish(),
  manifests: z.array(z.string()).nullish(),
  summary: z.record(z.string(), z.string()).nullish(),
  'schema-id': int.nullish(),
});

const metadataShape = z.object({
  'format-version': int,
  'table-uuid': z.string().nullish(),
  location: z.string().min(1),
  'current-schema-id': int.nullish(),
  schemas: z.array(schemaShape).nullish(),
  schema: schemaShape.nullish(),
  'default-spec-id': int.nullish(),
  'partition-specs': z.array(specShape).nullish(),
  'partition-spec': partitionFieldsShape.nullish(),
  properties: z.record(z.string(), z.string()).nullish(),
  'current-snapshot-id': long.nullish(),
  snapshots: z.array(snapshotShape).nullish(),
  'last-updated-ms': int.nullish(),
});

const FORMAT_VERSION_MAX = 3;
/** How version 1 writes that there is no snapshot. */
const NO_SNAPSHOT = -1n;

interface PartitionField {
  readonly name: string;
  /** `identity`, `bucket[16]`, `void` … */
  readonly transform: string;
  /** Id of the column; null for transforms of several. */
  readonly sourceId: number | null;
  readonly fieldId: number;
}

export interface PartitionSpec {
  readonly id: number;
  readonly fields: readonly PartitionField[];
}

/** A snapshot as the metadata lists it. */
export interface SnapshotEntry {
  readonly id: bigint;
  readonly parentId: bigint | null;
  /** 0 in version 1 of the format. */
  readonly sequenceNumber: bigint;
  readonly committedAtMs: number;
  /** Null in old tables that list their manifests here. */
  readonly manifestList: string | null;
  readonly manifests: readonly string[];
  readonly operation: string | null;
  /** The schema that was current when it was written; null if unknown. */
  readonly schemaId: number | null;
}

/** What a metadata file of an Iceberg table says, in the words of the newest version of the format. */
export interface TableMetadata {
  /** Path of the file. */
  readonly file: string;
  readonly formatVersion: number;
  /** Stays with the table. Tables of version 1 may have none: their location stands for it. */
  readonly tableId: string;
  /** Where its writer has the table. */
  readonly location: string;
  readonly schemas: ReadonlyMap<number, SchemaJson>;
  readonly currentSchema: SchemaJson;
  readonly specs: ReadonlyMap<number, PartitionSpec>;
  readonly defaultSpec: PartitionSpec;
  readonly properties: ReadonlyMap<string, string>;
  /** Null for a table that was never written to. */
  readonly current: SnapshotEntry | null;
  readonly snapshots: readonly SnapshotEntry[];
}

/**
 * Translates the content of a metadata file.
 * @param json from `parseLosslessJson`
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export function parseTableMetadata(json: unknown, { file, tableName }: MetadataSource): TableMetadata {
  const corrupt = (reason: string) => syncedTablesError('ICEBERG_METADATA_CORRUPT', { file, table: tableName, reason });
  const version = z.object({ 'format-version': int }).safeParse(json).data?.['format-version'];
  if (version !== undefined && (version < 1 || version > FORMAT_VERSION_MAX)) {
    const feature = `version ${version} of the Iceberg format`;
    throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file, table: tableName, feature });
  }
  const parsed = metadataShape.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw corrupt(`${issue?.path.join('.') || 'it'} is not as the format says`);
  }
  const shape = parsed.data;
  const schemas = new Map((shape.schemas ?? []).map((schema) => [schema['schema-id'], schema]));
  if (shape.schema && !schemas.has(shape.schema['schema-id'])) schemas.set(shape.schema['schema-id'], shape.schema);
  const currentSchema = schemas.get(shape['current-schema-id'] ?? shape.schema?.['schema-id'] ?? -1);
  if (!currentSchema) throw corrupt('its current schema is missing');
  const specs = readSpecs(shape);
  const snapshots = (shape.snapshots ?? []).map(toSnapshotEntry);
  const currentId = shape['current-snapshot-id'] ?? NO_SNAPSHOT;
  const current = snapshots.find(({ id }) => id === currentId) ?? null;
  if (current === null && currentId !== NO_SNAPSHOT) throw corrupt(`its current snapshot ${currentId} is missing`);
  const location = shape.location.replace(/\/+$/, '');
  return {
    file,
    formatVersion: shape['format-version'],
    tableId: shape['table-uuid'] ?? `location ${location}`,
    location,
    schemas,
    currentSchema,
    specs,
    defaultSpec: specs.get(shape['default-spec-id'] ?? 0) ?? { id: 0, fields: [] },
    properties: new Map(Object.entries(shape.properties ?? {})),
    current,
    snapshots,
  };
}

/** Names of a metadata file, for messages. */
export interface MetadataSource {
  readonly file: string;
  readonly tableName: string;
}

function readSpecs(shape: z.infer<typeof metadataShape>): Map<number, PartitionSpec> {
  const listed = shape['partition-specs'] ?? [{ 'spec-id': 0, fields: shape['partition-spec'] ?? [] }];
  return new Map(listed.map((spec) => [spec['spec-id'], toPartitionSpec(spec['spec-id'], spec.fields)]));
}

/** Ids of partition fields count from here where the oldest tables do not state them. */
const FIRST_PARTITION_ID = 1000;

export function toPartitionSpec(id: number, fields: z.infer<typeof partitionFieldsShape>): PartitionSpec {
  return {
    id,
    fields: fields.map((field, index) => ({
      name: field.name,
      transform: field.transform,
      sourceId: field['source-id'] ?? (field['source-ids']?.length === 1 ? (field['source-ids'][0] ?? null) : null),
      fieldId: field['field-id'] ?? FIRST_PARTITION_ID + index,
    })),
  };
}

function toSnapshotEntry(shape: z.infer<typeof snapshotShape>): SnapshotEntry {
  return {
    id: shape['snapshot-id'],
    parentId: shape['parent-snapshot-id'] ?? null,
    sequenceNumber: shape['sequence-number'] ?? 0n,
    committedAtMs: shape['timestamp-ms'],
    manifestList: shape['manifest-list'] ?? null,
    manifests: shape.manifests ?? [],
    operation: shape.summary?.operation ?? null,
    schemaId: shape['schema-id'] ?? null,
  };
}

/**
 * The place of a snapshot in the history: its sequence number, or in version 1 of the format, which has none, its time
 * in milliseconds.
 */
export function positionOf({ sequenceNumber, committedAtMs }: SnapshotEntry): bigint {
  return sequenceNumber > 0n ? sequenceNumber : BigInt(committedAtMs);
}

/** A snapshot with those it grew from, the newest first; as far as they have not expired. */
export function ancestry(snapshots: readonly SnapshotEntry[], newest: SnapshotEntry | null): SnapshotEntry[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const line = new Set<SnapshotEntry>();
  let next = newest;
  while (next !== null && !line.has(next)) {
    line.add(next);
    next = next.parentId === null ? null : (byId.get(next.parentId) ?? null);
  }
  return [...line];
}
