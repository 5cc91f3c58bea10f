import { syncedTablesError } from '../../../core/errors.js';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import type { AvroFile } from '../avro/avro-file.js';
import type { AvroRecord, AvroValue, WantedFields } from '../avro/avro-reader.js';
import type { AvroType } from '../avro/avro-schema.js';
import type { TableFile } from '../metadata/read-file.js';
import { type PartitionSpec, partitionFieldsShape, toPartitionSpec } from '../metadata/table-metadata.js';
import {
  entriesOf,
  intList,
  optionalInt,
  optionalLong,
  optionalText,
  recordOf,
  requiredInt,
  requiredLong,
  requiredText,
} from './avro-fields.js';
import type { ContentFile, FieldMetrics, FileContent } from './content-file.js';
import type { ManifestEntry } from './manifest-list.js';
import { readAvro } from './read-avro.js';

const WANTED: WantedFields = {
  status: true,
  sequence_number: true,
  data_file: {
    content: true,
    file_path: true,
    file_format: true,
    partition: true,
    record_count: true,
    file_size_in_bytes: true,
    key_metadata: true,
    equality_ids: true,
    referenced_data_file: true,
    content_offset: true,
    content_size_in_bytes: true,
  },
};

const METRICS: WantedFields = { lower_bounds: true, upper_bounds: true, null_value_counts: true };

const STATUS_ADDED = 1;
const STATUS_DELETED = 2;
const CONTENTS: readonly FileContent[] = ['rows', 'positionDeletes', 'equalityDeletes'];

export interface ReadManifestOptions extends TableFile {
  readonly entry: ManifestEntry;
  readonly specs: ReadonlyMap<number, PartitionSpec>;
  /** Path of the store for what the metadata calls a file. */
  readonly pathOf: (stated: string) => string;
  /** Ids of fields whose `ContentFile.metrics` are wanted. */
  readonly metricsOf?: ReadonlySet<number> | undefined;
}

/**
 * The live files that a manifest names.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_MISSING, SOURCE_PATH_OUTSIDE
 */
export function readManifest(options: ReadManifestOptions): Promise<ContentFile[]> {
  return readAvro(options, (file) => {
    const spec = specOf(file, options);
    const partitionIds = partitionFieldIds(file.schema, spec);
    const files: ContentFile[] = [];
    const wanted =
      options.metricsOf === undefined
        ? WANTED
        : { ...WANTED, data_file: { ...(WANTED.data_file as WantedFields), ...METRICS } };
    for (const record of file.records(wanted)) {
      const status = requiredInt(record, 'status');
      if (status === STATUS_DELETED) continue;
      files.push(toContentFile(record, { status, spec, partitionIds, options }));
    }
    return files;
  });
}

/** The spec of the list, or what the header says where there is no list or the metadata lacks it. */
function specOf({ header }: AvroFile, { entry, specs }: ReadManifestOptions): PartitionSpec {
  const id = entry.specId ?? Number(header.get('partition-spec-id') ?? 0);
  const known = specs.get(id);
  if (known) return known;
  let json: unknown = null;
  try {
    json = JSON.parse(header.get('partition-spec') ?? 'null');
  } catch {
    // Told below.
  }
  const fields = partitionFieldsShape.safeParse(json);
  if (!fields.success) throw new MalformedBytes(`it is partitioned by a spec ${id} that the table does not have`);
  return toPartitionSpec(id, fields.data);
}

/** Names of partition fields in the file, with their ids: by these the specs know them, since names may be altered. */
function partitionFieldIds(schema: AvroType, spec: PartitionSpec): ReadonlyMap<string, number> {
  const partition = fieldType(fieldType(schema, 'data_file'), 'partition');
  if (partition?.kind !== 'record') throw new MalformedBytes('it does not say how it is partitioned');
  return new Map(
    partition.fields.flatMap(({ name, fieldId }, index) => {
      const id = fieldId ?? spec.fields.find((field) => field.name === name)?.fieldId ?? spec.fields[index]?.fieldId;
      return id === undefined ? [] : [[name, id] as const];
    }),
  );
}

function fieldType(type: AvroType | null, name: string): AvroType | null {
  return (type?.kind === 'record' ? type.fields.find((field) => field.name === name)?.type : null) ?? null;
}

interface FileContext {
  readonly status: number;
  readonly spec: PartitionSpec;
  readonly partitionIds: ReadonlyMap<string, number>;
  readonly options: ReadManifestOptions;
}

function toContentFile(record: AvroRecord, { status, spec, partitionIds, options }: FileContext): ContentFile {
  const { entry, pathOf } = options;
  const file = recordOf(record, 'data_file');
  const statedPath = requiredText(file, 'file_path');
  const content = contentOf(file, entry);
  const format = requiredText(file, 'file_format').toUpperCase();
  const blob = blobOf(file);
  refuseUnreadable(file, { content, format, statedPath, hasBlob: blob !== null, options });
  const stated = optionalLong(record, 'sequence_number');
  // Only new files inherit; those of version 1 have none, and 0 is what they count as.
  if (stated === null && status !== STATUS_ADDED && entry.sequenceNumber > 0n && 'sequence_number' in record) {
    throw new MalformedBytes(`an older file, ${statedPath}, has no sequence number`);
  }
  const equalityIds = intList(file, 'equality_ids');
  if (content === 'equalityDeletes' && equalityIds.length === 0) {
    throw new MalformedBytes(`it does not say which columns ${statedPath} compares`);
  }
  const partition = new Map<number, AvroValue>();
  for (const [name, value] of Object.entries(recordOf(file, 'partition'))) {
    const id = partitionIds.get(name);
    // A copy: a view would keep the whole block in memory.
    if (id !== undefined) partition.set(id, Buffer.isBuffer(value) ? Buffer.from(value) : value);
  }
  return {
    content,
    statedPath,
    path: pathOf(statedPath),
    format,
    sizeBytes: Number(requiredLong(file, 'file_size_in_bytes')),
    recordCount: requiredLong(file, 'record_count'),
    sequenceNumber: stated ?? (status === STATUS_ADDED ? entry.sequenceNumber : 0n),
    spec,
    partition,
    equalityIds,
    referencedDataFile: optionalText(file, 'referenced_data_file'),
    blob,
    ...(options.metricsOf ? { metrics: metricsOf(file, options.metricsOf) } : {}),
  };
}

function metricsOf(file: AvroRecord, wanted: ReadonlySet<number>): ReadonlyMap<number, FieldMetrics> {
  const [least, greatest, nulls] = ['lower_bounds', 'upper_bounds', 'null_value_counts'].map((name) =>
    entriesOf(file, name, wanted),
  );
  // A copy: a view would keep the whole block in memory.
  const bytes = (value: AvroValue | undefined) => (Buffer.isBuffer(value) ? Buffer.from(value) : null);
  return new Map(
    [...wanted].map((id) => {
      const count = nulls?.get(id);
      const isCount = typeof count === 'bigint' || typeof count === 'number';
      return [
        id,
        { least: bytes(least?.get(id)), greatest: bytes(greatest?.get(id)), nulls: isCount ? BigInt(count) : null },
      ];
    }),
  );
}

function contentOf(file: AvroRecord, { holds }: ManifestEntry): FileContent {
  const content = CONTENTS[optionalInt(file, 'content') ?? 0];
  const isAsListed = content !== undefined && (content === 'rows') === (holds === 'data');
  if (!isAsListed) throw new MalformedBytes('it holds files of another kind than its list says');
  return content;
}

function blobOf(file: AvroRecord): ContentFile['blob'] {
  const offset = optionalInt(file, 'content_offset');
  const length = optionalInt(file, 'content_size_in_bytes');
  return offset === null || length === null ? null : { offset, length };
}

function refuseUnreadable(
  file: AvroRecord,
  found: { content: FileContent; format: string; statedPath: string; hasBlob: boolean; options: ReadManifestOptions },
): void {
  const { content, format, statedPath, hasBlob, options } = found;
  const refuse = (feature: string) => {
    return syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file: statedPath, table: options.tableName, feature });
  };
  if (file.key_metadata !== null && file.key_metadata !== undefined) throw refuse('a key, since it is encrypted');
  const isVector = content === 'positionDeletes' && format === 'PUFFIN';
  if (isVector && !hasBlob) throw new MalformedBytes(`it does not say where in ${statedPath} a deletion vector lies`);
  if (format !== 'PARQUET' && !isVector) throw refuse(`files of format ${format}`);
}
