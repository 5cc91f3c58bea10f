import { ByteCursor, MalformedBytes } from './byte-cursor.js';
import { DeletionVector, type PositionGroup } from './deletion-vector.js';
import {
  ARRAY_VALUES_LIMIT,
  BITMAP_BYTES,
  CONTAINER_VALUES,
  expandContainer,
  type RoaringContainer,
} from './roaring-container.js';

/** Delta's 64-bit layout over portable Roaring bitmaps; 1681511376 was an older one. */
const DELETION_VECTOR_MAGIC = 1681511377;
const COOKIE_WITHOUT_RUNS = 12346;
const COOKIE_WITH_RUNS = 12347;
/** Bitmaps with runs omit the offset table below this number of containers. */
const OFFSETS_CONTAINERS_MIN = 4;
const CONTAINERS_LIMIT = 65536;
/** Beyond it a position would not fit an int64. */
const BUCKET_LIMIT = 0x7fffffff;

/**
 * Decodes the blob of a deletion vector (protocol: "Deletion Vector Format"; the inner format is the portable one of
 * the Roaring format specification). Everything that is stated twice is compared, order included.
 * @throws MalformedBytes
 */
export function decodeDeletionVector(blob: Buffer): DeletionVector {
  const cursor = new ByteCursor(blob);
  const magic = cursor.uint32();
  if (magic !== DELETION_VECTOR_MAGIC) {
    throw new MalformedBytes(`its magic number is ${magic}, not ${DELETION_VECTOR_MAGIC}`);
  }
  const groups: PositionGroup[] = [];
  const bucketCount = cursor.uint64();
  let lastBucket = -1;
  for (let i = 0n; i < bucketCount; i++) {
    const bucket = cursor.uint32();
    if (bucket <= lastBucket || bucket > BUCKET_LIMIT) throw new MalformedBytes('its buckets are out of order');
    lastBucket = bucket;
    decodeBitmap(cursor, bucket, groups);
  }
  if (cursor.remaining > 0) throw new MalformedBytes(`${cursor.remaining} bytes follow its last container`);
  return new DeletionVector(groups);
}

function decodeBitmap(cursor: ByteCursor, bucket: number, groups: PositionGroup[]): void {
  const { containerCount, runFlags } = decodeCookie(cursor);
  const headers = cursor.uint16s(containerCount * 2);
  if (runFlags === null || containerCount >= OFFSETS_CONTAINERS_MIN) cursor.bytes(containerCount * 4);

  const scratch = new Uint16Array(CONTAINER_VALUES);
  let lastKey = -1;
  for (let i = 0; i < containerCount; i++) {
    const key = headers[i * 2] ?? 0;
    const cardinality = (headers[i * 2 + 1] ?? 0) + 1;
    if (key <= lastKey) throw new MalformedBytes('its containers are out of order');
    lastKey = key;
    const isRun = runFlags !== null && ((runFlags[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
    const container = decodeContainer(cursor, cardinality, isRun);
    if (expandContainer(container, scratch) !== cardinality) {
      throw new MalformedBytes(`a ${container.kind} container does not hold the number of positions it states`);
    }
    groups.push({ high: bucket * CONTAINER_VALUES + key, cardinality, container });
  }
}

function decodeCookie(cursor: ByteCursor): { containerCount: number; runFlags: Buffer | null } {
  const cookie = cursor.uint32();
  if ((cookie & 0xffff) === COOKIE_WITH_RUNS) {
    const containerCount = (cookie >>> 16) + 1;
    return { containerCount, runFlags: cursor.bytes(Math.ceil(containerCount / 8)) };
  }
  if (cookie !== COOKIE_WITHOUT_RUNS) throw new MalformedBytes(`${cookie} is not the cookie of a Roaring bitmap`);
  const containerCount = cursor.uint32();
  if (containerCount > CONTAINERS_LIMIT) throw new MalformedBytes('it has more containers than there can be');
  return { containerCount, runFlags: null };
}

function decodeContainer(cursor: ByteCursor, cardinality: number, isRun: boolean): RoaringContainer {
  if (isRun) return { kind: 'run', runs: cursor.uint16s(cursor.uint16() * 2) };
  if (cardinality <= ARRAY_VALUES_LIMIT) return { kind: 'array', values: cursor.uint16s(cardinality) };
  return { kind: 'bitmap', bits: cursor.bytes(BITMAP_BYTES) };
}
