import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '../../src/core/names.js';
import { type AvroCodec, avroFile } from './avro-writer.js';
import { encodeVector } from './roaring-encoder.js';

/** A field as it stands in a schema. */
export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly type: unknown;
  readonly required?: boolean;
  readonly doc?: string;
  readonly 'initial-default'?: unknown;
}

/** A field of a partition spec, with its type in manifests. */
export interface WrittenPartitionField {
  readonly name: string;
  readonly transform: string;
  readonly 'source-id': number;
  readonly 'field-id': number;
  readonly avro: unknown;
}

export interface IcebergWriterOptions {
  readonly formatVersion?: 1 | 2 | 3;
  readonly fields: readonly IcebergField[];
  readonly partitionFields?: readonly WrittenPartitionField[];
  readonly properties?: Readonly<Record<string, string>>;
  /** What the metadata says that the table's location is; by default its folder. */
  readonly location?: string;
  readonly codec?: AvroCodec;
}

/** A file that a commit adds. */
export interface AddedFile {
  readonly content?: 'rows' | 'positionDeletes' | 'equalityDeletes';
  /** As the metadata calls it. */
  readonly statedPath: string;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly format?: string;
  /** By default the current one. */
  readonly specId?: number;
  readonly partition?: Readonly<Record<string, unknown>>;
  readonly equalityIds?: readonly number[];
  /** What is stated of fields, by their ids. */
  readonly metrics?: readonly WrittenMetrics[];
  readonly vector?: { readonly of: string; readonly offset: number; readonly length: number };
}

export interface WrittenMetrics {
  readonly id: number;
  readonly lower: Buffer | null;
  readonly upper: Buffer | null;
  readonly nulls: number | null;
}

interface LiveFile extends AddedFile {
  readonly snapshotId: bigint;
  readonly sequence: bigint;
}

interface Manifest {
  readonly path: string;
  readonly length: number;
  readonly specId: number;
  readonly isOfDeletes: boolean;
  readonly sequence: bigint;
  readonly snapshotId: bigint;
  readonly files: readonly LiveFile[];
}

export interface SnapshotJson {
  readonly 'snapshot-id': bigint;
  readonly [name: string]: unknown;
}

/** Above 2^53, so that a reader that takes it for a number fails. */
const FIRST_SNAPSHOT_ID = 2164816796493460948n;
const CONTENTS = ['rows', 'positionDeletes', 'equalityDeletes'] as const;

/**
 * Writes an Iceberg table in a folder: metadata here, rows by DuckDB, manifests by avsc. Each commit adds manifests of its
 * own and keeps those of before.
 */
export class IcebergWriter {
  readonly folder: string;
  readonly uuid = randomUUID();
  readonly schemas: { readonly 'schema-id': number; readonly fields: readonly IcebergField[] }[];
  readonly specs: (readonly WrittenPartitionField[])[];
  properties: Readonly<Record<string, string>>;
  snapshots: SnapshotJson[] = [];
  currentSnapshot: bigint | null = null;
  readonly #connection: DuckDBConnection;
  readonly #options: IcebergWriterOptions;
  #manifests: Manifest[] = [];
  #sequence = 0n;
  #metadataVersion = 0;
  #files = 0;

  constructor(connection: DuckDBConnection, folder: string, options: IcebergWriterOptions) {
    this.#connection = connection;
    this.#options = options;
    this.folder = folder;
    this.schemas = [{ 'schema-id': 0, fields: options.fields }];
    this.specs = [options.partitionFields ?? []];
    this.properties = options.properties ?? {};
    mkdirSync(path.join(folder, 'metadata'), { recursive: true });
    mkdirSync(path.join(folder, 'data'), { recursive: true });
  }

  get location(): string {
    return this.#options.location ?? this.folder;
  }

  /** Where a file is that the metadata calls so. */
  pathOf(statedPath: string): string {
    return this.folder + statedPath.slice(this.location.length);
  }

  /**
   * Writes a Parquet file of rows.
   * @param fieldIds DuckDB's FIELD_IDS; none are written if null; by default those of the current columns
   */
  async write(select: string, fieldIds: string | null = this.#fieldIds()): Promise<AddedFile> {
    const statedPath = `${this.location}/data/${this.#files++}.parquet`;
    const ids = fieldIds === null ? '' : `, field_ids ${fieldIds}`;
    const file = this.pathOf(statedPath);
    await this.#connection.run(`copy (${select}) to ${quoteLiteral(file)} (format parquet${ids})`);
    const counted = await this.#connection.runAndReadAll(`select count(*)::integer from (${select})`);
    return { statedPath, rows: Number(counted.getRowsJson()[0]?.[0]), sizeBytes: statSync(file).size };
  }

  #fieldIds(): string {
    const fields = this.schemas.at(-1)?.fields ?? [];
    return `{${fields.map(({ id, name }) => `${quoteLiteral(name)}: ${id}`).join(', ')}}`;
  }

  /** Writes a file of position deletes. */
  async writePositions(of: string, positions: string): Promise<AddedFile> {
    const select = `select ${quoteLiteral(of)} as file_path, pos from (${positions}) t(pos)`;
    const file = await this.write(select, `{file_path: 2147483546, pos: 2147483545}`);
    return { ...file, content: 'positionDeletes' };
  }

  /** Writes a Puffin file with the deletion vector of a data file. */
  writeVector(of: string, positions: readonly bigint[]): AddedFile {
    const bitmap = encodeVector(positions);
    const framed = Buffer.alloc(bitmap.length + 8);
    framed.writeUInt32BE(bitmap.length, 0);
    bitmap.copy(framed, 4);
    framed.writeUInt32BE(crc32(bitmap), bitmap.length + 4);
    const statedPath = `${this.location}/data/${this.#files++}.puffin`;
    const bytes = Buffer.concat([Buffer.from('PFA1'), framed]);
    writeFileSync(this.pathOf(statedPath), bytes);
    const vector = { of, offset: 4, length: framed.length };
    const rows = positions.length;
    return { statedPath, rows, sizeBytes: bytes.length, content: 'positionDeletes', format: 'PUFFIN', vector };
  }

  /** Adds a schema and makes it the current one; the metadata is written by the next commit, or `writeMetadata`. */
  changeColumns(fields: readonly IcebergField[]): void {
    this.schemas.push({ 'schema-id': this.schemas.length, fields });
  }

  /** Adds a partition spec and makes it the default. */
  repartition(fields: readonly WrittenPartitionField[]): void {
    this.specs.push(fields);
  }

  /** Commits a snapshot. */
  async commit(
    added: readonly AddedFile[],
    { removed = [], operation = 'append' }: { readonly removed?: readonly string[]; readonly operation?: string } = {},
  ): Promise<void> {
    const snapshotId = FIRST_SNAPSHOT_ID + BigInt(this.snapshots.length);
    this.#sequence++;
    const parent = this.currentSnapshot;
    if (removed.length > 0) this.#rewriteWithout(new Set(removed), snapshotId);
    const bySpec = new Map<string, AddedFile[]>();
    for (const file of added) {
      const key = `${file.specId ?? this.specs.length - 1} ${(file.content ?? 'rows') !== 'rows'}`;
      const same = bySpec.get(key);
      if (same) same.push(file);
      else bySpec.set(key, [file]);
    }
    for (const files of bySpec.values()) {
      const live = files.map((file) => ({ ...file, snapshotId, sequence: this.#sequence }));
      this.#manifests.push(
        this.#writeManifest(
          live.map((file) => ({ file, status: 1 as const })),
          snapshotId,
        ),
      );
    }
    const version = this.#options.formatVersion ?? 2;
    this.snapshots.push({
      'snapshot-id': snapshotId,
      ...(parent === null ? {} : { 'parent-snapshot-id': parent }),
      ...(version === 1 ? {} : { 'sequence-number': this.#sequence }),
      'timestamp-ms': 1_700_000_000_000 + this.snapshots.length,
      summary: { operation },
      'manifest-list': this.#writeList(snapshotId),
      'schema-id': this.schemas.length - 1,
    });
    this.currentSnapshot = snapshotId;
    this.writeMetadata();
  }

  /** Writes the manifests of removed files anew, where these are marked and the others keep what they had. */
  #rewriteWithout(removed: ReadonlySet<string>, snapshotId: bigint): void {
    this.#manifests = this.#manifests.map((manifest) => {
      if (!manifest.files.some(({ statedPath }) => removed.has(statedPath))) return manifest;
      const entries = manifest.files.map((file) => ({
        file,
        status: removed.has(file.statedPath) ? (2 as const) : (0 as const),
      }));
      return this.#writeManifest(entries, snapshotId);
    });
  }

  #writeManifest(
    entries: readonly { readonly file: LiveFile; readonly status: 0 | 1 | 2 }[],
    snapshotId: bigint,
  ): Manifest {
    const specId = entries[0]?.file.specId ?? this.specs.length - 1;
    const spec = this.specs[specId] ?? [];
    const isOfDeletes = (entries[0]?.file.content ?? 'rows') !== 'rows';
    const statedPath = `${this.location}/metadata/${this.#files++}-m0.avro`;
    const version = this.#options.formatVersion ?? 2;
    const bytes = avroFile({
      schema: manifestSchema(version, spec),
      codec: this.#options.codec ?? 'deflate',
      header: {
        'partition-spec-id': String(specId),
        'partition-spec': JSON.stringify(spec.map(({ avro, ...field }) => field)),
        'format-version': String(version),
      },
      records: entries.map(({ file, status }) => ({
        status,
        snapshot_id: file.snapshotId,
        // New files inherit theirs.
        sequence_number: status === 1 ? null : file.sequence,
        file_sequence_number: status === 1 ? null : file.sequence,
        data_file: {
          content: CONTENTS.indexOf(file.content ?? 'rows'),
          file_path: file.statedPath,
          file_format: file.format ?? 'PARQUET',
          partition: { ...Object.fromEntries(spec.map(({ name }) => [name, null])), ...file.partition },
          record_count: file.rows,
          file_size_in_bytes: file.sizeBytes,
          value_counts: [{ key: 1, value: file.rows }],
          ...metricsOf(file),
          key_metadata: null,
          equality_ids: file.equalityIds ?? null,
          referenced_data_file: file.vector?.of ?? null,
          content_offset: file.vector?.offset ?? null,
          content_size_in_bytes: file.vector?.length ?? null,
        },
      })),
    });
    writeFileSync(this.pathOf(statedPath), bytes);
    const files = entries.filter(({ status }) => status !== 2).map(({ file }) => file);
    return { path: statedPath, length: bytes.length, specId, isOfDeletes, sequence: this.#sequence, snapshotId, files };
  }

  #writeList(snapshotId: bigint): string {
    const statedPath = `${this.location}/metadata/snap-${snapshotId}-1.avro`;
    const version = this.#options.formatVersion ?? 2;
    const bytes = avroFile({
      schema: listSchema(version),
      codec: this.#options.codec ?? 'deflate',
      records: this.#manifests.map((manifest) => ({
        manifest_path: manifest.path,
        manifest_length: manifest.length,
        partition_spec_id: manifest.specId,
        content: manifest.isOfDeletes ? 1 : 0,
        sequence_number: manifest.sequence,
        min_sequence_number: 1,
        added_snapshot_id: manifest.snapshotId,
      })),
    });
    writeFileSync(this.pathOf(statedPath), bytes);
    return statedPath;
  }

  /** Manifests of the current snapshot, as the metadata calls them. */
  get manifestPaths(): string[] {
    return this.#manifests.map((manifest) => manifest.path);
  }

  /** Writes the next metadata file and the hint. */
  writeMetadata(changes: Readonly<Record<string, unknown>> = {}): void {
    this.#metadataVersion++;
    const json = icebergJson({
      'format-version': this.#options.formatVersion ?? 2,
      'table-uuid': this.uuid,
      location: this.location,
      'last-sequence-number': this.#sequence,
      'last-updated-ms': 1_700_000_000_000 + this.#metadataVersion,
      'current-schema-id': this.schemas.length - 1,
      schemas: this.schemas.map((schema) => ({ type: 'struct', ...schema })),
      'default-spec-id': this.specs.length - 1,
      'partition-specs': this.specs.map((fields, id) => ({
        'spec-id': id,
        fields: fields.map(({ avro, ...field }) => field),
      })),
      properties: this.properties,
      'current-snapshot-id': this.currentSnapshot ?? -1n,
      snapshots: this.snapshots,
      ...changes,
    });
    const folder = path.join(this.folder, 'metadata');
    writeFileSync(path.join(folder, `v${this.#metadataVersion}.metadata.json`), json);
    writeFileSync(path.join(folder, 'version-hint.text'), String(this.#metadataVersion));
  }
}

/** JSON with whole numbers of any size. */
export function icebergJson(value: unknown): string {
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `@${member}@` : member), 1);
  return text.replace(/"@(-?\d+)@"/g, '$1');
}

function optional(type: unknown): unknown[] {
  return ['null', type];
}

function mapOf(name: string, value: unknown): object {
  const fields = [
    { name: 'key', type: 'int', 'field-id': 900 },
    { name: 'value', type: value, 'field-id': 901 },
  ];
  return { type: 'array', logicalType: 'map', items: { type: 'record', name, fields } };
}

function manifestSchema(version: number, spec: readonly WrittenPartitionField[]): object {
  const partition = spec.map(({ name, avro, 'field-id': id }) => ({ name, type: optional(avro), 'field-id': id }));
  const isFirst = version === 1;
  const sequences = [
    { name: 'sequence_number', type: optional('long'), 'field-id': 3 },
    { name: 'file_sequence_number', type: optional('long'), 'field-id': 4 },
  ];
  const ofDeletes = [
    { name: 'equality_ids', type: optional({ type: 'array', items: 'int' }), 'field-id': 135 },
    { name: 'referenced_data_file', type: optional('string'), 'field-id': 143 },
    { name: 'content_offset', type: optional('long'), 'field-id': 144 },
    { name: 'content_size_in_bytes', type: optional('long'), 'field-id': 145 },
  ];
  const dataFile = [
    ...(isFirst ? [] : [{ name: 'content', type: 'int', 'field-id': 134 }]),
    { name: 'file_path', type: 'string', 'field-id': 100 },
    { name: 'file_format', type: 'string', 'field-id': 101 },
    { name: 'partition', type: { type: 'record', name: 'r102', fields: partition }, 'field-id': 102 },
    { name: 'record_count', type: 'long', 'field-id': 103 },
    { name: 'file_size_in_bytes', type: 'long', 'field-id': 104 },
    { name: 'value_counts', type: optional(mapOf('k119_v120', 'long')), 'field-id': 109 },
    { name: 'null_value_counts', type: optional(mapOf('k121_v122', 'long')), 'field-id': 110 },
    { name: 'lower_bounds', type: optional(mapOf('k126_v127', 'bytes')), 'field-id': 125 },
    { name: 'upper_bounds', type: optional(mapOf('k129_v130', 'bytes')), 'field-id': 128 },
    { name: 'key_metadata', type: optional('bytes'), 'field-id': 131 },
    ...(isFirst ? [] : ofDeletes),
  ];
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      { name: 'status', type: 'int', 'field-id': 0 },
      { name: 'snapshot_id', type: optional('long'), 'field-id': 1 },
      ...(isFirst ? [] : sequences),
      { name: 'data_file', type: { type: 'record', name: 'r2', fields: dataFile }, 'field-id': 2 },
    ],
  };
}

/** Of a field that no table has, unless something is stated: readers have to pass over it. */
const OTHER_FIELD: WrittenMetrics = { id: 99_999, lower: Buffer.from('bound'), upper: null, nulls: 1 };

function metricsOf({ metrics = [OTHER_FIELD] }: AddedFile) {
  const entries = (stated: (of: WrittenMetrics) => unknown) =>
    metrics.flatMap((of) => (stated(of) === null ? [] : [{ key: of.id, value: stated(of) }]));
  return {
    null_value_counts: entries(({ nulls }) => nulls),
    lower_bounds: entries(({ lower }) => lower),
    upper_bounds: entries(({ upper }) => upper),
  };
}

function listSchema(version: number): object {
  const sequences = [
    { name: 'content', type: 'int', 'field-id': 517 },
    { name: 'sequence_number', type: 'long', 'field-id': 515 },
    { name: 'min_sequence_number', type: 'long', 'field-id': 516 },
  ];
  return {
    type: 'record',
    name: 'manifest_file',
    fields: [
      { name: 'manifest_path', type: 'string', 'field-id': 500 },
      { name: 'manifest_length', type: 'long', 'field-id': 501 },
      { name: 'partition_spec_id', type: 'int', 'field-id': 502 },
      ...(version === 1 ? [] : sequences),
      { name: 'added_snapshot_id', type: 'long', 'field-id': 503 },
    ],
  };
}
