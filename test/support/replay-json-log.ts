import { readdirSync, readFileSync } from 'node:fs';
import type { DataType } from '../../src/core/data-type.js';
import { readDeletionVector } from '../../src/lake/delta/deletion-vectors/deletion-vector-reader.js';
import type { DeletionVectorDescriptor } from '../../src/lake/delta/log/action.js';
import type { DeltaSnapshot } from '../../src/lake/delta/snapshot/delta-snapshot.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import type { Cell } from './cell.js';
import { readParquetCells } from './parquet-cells.js';

interface LiveFile {
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly deletionVector?: Omit<DeletionVectorDescriptor, 'cardinality'> & { readonly cardinality: number };
}

/**
 * The rows of a table by a second, naive reader: JSON commits from version 0 on, no checkpoints, every file read by
 * `readParquetCells`. Only the positions of deletion vectors come from the product.
 * @param snapshot gives the columns
 */
export async function readRawTable(snapshot: DeltaSnapshot): Promise<Cell[][]> {
  const { columns, partitionColumns, root } = snapshot;
  const rows: Cell[][] = [];
  for (const file of liveFiles(root)) {
    const path = `${root}/${decodeURIComponent(file.path)}`;
    const dead = await deadPositions(snapshot, file);
    const partition = columns.map(({ name, physicalName, type }) => {
      return partitionColumns.includes(name) ? { cell: partitionCell(type, file.partitionValues[physicalName]) } : null;
    });
    for (const [position, row] of (await readParquetCells(path, columns)).entries()) {
      if (!dead.has(BigInt(position)))
        rows.push(row.map((cell, n) => partition[n]?.cell ?? (partition[n] ? null : cell)));
    }
  }
  return rows;
}

function liveFiles(root: string): LiveFile[] {
  const live = new Map<string, LiveFile>();
  const commits = readdirSync(`${root}/_delta_log`).filter((name) => /^\d{20}\.json$/.test(name));
  for (const commit of commits.sort()) {
    const lines = readFileSync(`${root}/_delta_log/${commit}`, 'utf8').split('\n').filter(Boolean);
    const actions = lines.map((line) => JSON.parse(line) as { add?: LiveFile; remove?: LiveFile });
    for (const { remove } of actions) if (remove) live.delete(fileKey(remove));
    for (const { add } of actions) if (add) live.set(fileKey(add), add);
  }
  return [...live.values()];
}

function fileKey({ path, deletionVector }: LiveFile): string {
  return `${path} ${deletionVector?.pathOrInlineDv} ${deletionVector?.offset}`;
}

async function deadPositions(snapshot: DeltaSnapshot, file: LiveFile): Promise<ReadonlySet<bigint>> {
  if (!file.deletionVector) return new Set();
  const { root, tableName } = snapshot;
  const descriptor = { ...file.deletionVector, cardinality: BigInt(file.deletionVector.cardinality) };
  const options = { store: localFileStore, root, tableName, dataFile: file.path, descriptor };
  const vector = await readDeletionVector(options);
  return new Set([...vector.positions()].flatMap((positions) => [...positions]));
}

function partitionCell(type: DataType, text: string | null | undefined): Cell {
  if (text === null || text === undefined || text === '') return null;
  switch (type.kind) {
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
      return BigInt(text);
    case 'float':
    case 'double':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'binary':
      return Buffer.from(text, 'utf8');
    case 'date':
      return BigInt(Date.parse(`${text}T00:00:00Z`) / 86_400_000);
    case 'timestamp':
    case 'timestamp_ntz': {
      const [seconds = '', fraction = ''] = text.replace(' ', 'T').replace('Z', '').split('.');
      return BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
    }
    default:
      return text;
  }
}
