import { Readable } from 'node:stream';
import { releaseBlock } from '../../core/blocks.js';
import { quoteIdentifier } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { type ChangeRelation, changeFields } from '../../lake/changes/change-relation.js';
import { IS_NEW_ROW } from '../../lake/changes/collapse-changes.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { binaryColumn } from '../../lake/engine/tuples/binary-form.js';
import { areToldByBytes, type CollapsedTuples, collapseTuples } from '../../lake/engine/tuples/collapse-tuples.js';
import type { ReadInPlace } from '../../lake/relation/relation.js';
import { openTableCopy } from '../../lake/relation/table-copy.js';
import { copySelect, type TableRead } from '../../lake/relation/table-read.js';
import type { StagedSource } from '../../postgres/publish/merge-staged-changes.js';
import { planTarget } from '../source/plan-target.js';
import { targetRead } from '../source/target-read.js';

/** The last state of every key that few changes touched, in memory. */
export type FewChanges = CollapsedTuples;

const ROWS_MAX = 1_000n;
/** Few bytes of a file may be many rows, or long values. */
const BYTES_MAX = 4 * 1024 * 1024;

interface FewRead {
  readonly engine: Engine;
  readonly table: SyncedTable;
  readonly signal: AbortSignal;
}

/**
 * Reads few changes with one statement of the engine, and collapses them here: planning its statements is nearly all that they
 * cost it (docs/decisions/0041).
 * @returns null where everything has to be looked at as always: changes that are not few, or of which something is wrong or unclear
 */
export async function readFewChanges(
  changes: ChangeRelation,
  { engine, table, signal }: FewRead,
): Promise<FewChanges | null> {
  if (!changes.isFew || table.timeseriesKey !== null || table.invalidCharacters !== 'fail') return null;
  const columns = planTarget(changes.end, table);
  const target = targetRead(table, columns);
  const places = table.keyColumns.map((key) => columns.findIndex(({ field }) => field.name === key));
  const forms = places
    .map((place) => columns[place]?.field.type)
    .flatMap((type) => (type ? binaryColumn(type, 'fail').form : []));
  if (target.format !== 'binary' || forms.length < places.length || !areToldByBytes(forms)) return null;
  const [changeType] = changeFields;
  if (changeType === undefined) throw new Error('changes have no type');
  const read = { ...target, columns: [...target.columns, changeType], keyColumns: [] };
  const copy = await readTuples(engine, copySelect(kindsOfRows(changes.select, target), read), read, signal);
  return copy && collapseTuples(copy, places);
}

/** Rows with what they do to the table as their type. */
function kindsOfRows(changes: string, { columns }: Pick<TableRead, 'columns'>): string {
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `select ${names}, case when ${IS_NEW_ROW} then 'upsert' when _change_type in ('delete', 'update_preimage') then 'delete'
    else 'unknown' end as _change_type from (${changes})`;
}

/** All tuples of a statement; null if they are many, or if it fails, which those will explain who read it in earnest. */
async function readTuples(
  engine: Engine,
  select: string,
  read: TableRead,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const connection = await engine.connect();
  try {
    const { bytes, finished } = await openTableCopy(engine, connection, select, read, { isSmall: true, signal });
    const blocks: Buffer[] = [];
    let size = 0;
    for await (const block of bytes) {
      blocks.push(block);
      size += block.length;
      if (size > BYTES_MAX) break;
    }
    const rows = await finished.catch(() => null);
    const copy = rows === null || rows > ROWS_MAX ? null : Buffer.concat(blocks);
    for (const block of blocks) releaseBlock(block);
    return copy;
  } finally {
    connection.closeSync();
  }
}

/** Gives them to COPY, which takes them only if what they were read from is still the same. */
export async function openFewChanges({ copy, keys }: FewChanges, source: ReadInPlace): Promise<StagedSource> {
  const finish = async () => {
    await source.requireUnchanged?.();
    return keys;
  };
  const finished = finish();
  finished.catch(() => {});
  return { bytes: Readable.from([copy], { objectMode: false }), finished, format: 'binary' };
}
