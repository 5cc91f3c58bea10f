import type { DuckDBConnection } from '@duckdb/node-api';
import { type CopySelects, type CopyStream, openCopyStream } from '../engine/copy-stream.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { binaryColumn } from '../engine/tuples/binary-form.js';
import { openTupleStream, type TupleOptions } from '../engine/tuples/tuple-stream.js';
import type { TableRead } from './table-read.js';

/**
 * Runs `selects`, those of `copySelect` for the same `read`, and delivers their rows in its format.
 * @param connection used by nobody else until the stream has finished
 */
export async function openTableCopy(
  engine: Pick<Engine, 'scratchFolder'>,
  connection: DuckDBConnection,
  selects: string | CopySelects,
  read: Pick<TableRead, 'format' | 'columns' | 'invalidCharacters'>,
  options: Omit<TupleOptions, 'columns'> = {},
): Promise<CopyStream> {
  const { format, invalidCharacters } = read;
  if (format !== 'binary') return openCopyStream(connection, selects, format, engine.scratchFolder);
  const columns = read.columns.map(({ type }) => binaryColumn(type, invalidCharacters));
  return openTupleStream(connection, selects, { ...options, columns });
}
