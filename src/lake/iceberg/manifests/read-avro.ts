import { syncedTablesError } from '../../../core/errors.js';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import { type AvroFile, openAvroFile, UnknownCodec } from '../avro/avro-file.js';
import { readTableFile, type TableFile } from '../metadata/read-file.js';

/**
 * Reads an Avro file of a table's metadata and hands it to `use`.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_MISSING
 */
export async function readAvro<Result>(file: TableFile, use: (opened: AvroFile) => Result): Promise<Result> {
  const bytes = await readTableFile(file);
  const { path, tableName } = file;
  try {
    return use(openAvroFile(bytes));
  } catch (error) {
    if (error instanceof UnknownCodec) {
      const feature = `Avro files of compression ${error.message}`;
      throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file: path, table: tableName, feature }, error);
    }
    if (!(error instanceof MalformedBytes)) throw error;
    throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file: path, table: tableName, reason: error.message }, error);
  }
}
