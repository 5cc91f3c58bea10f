import type { DuckDBConnection } from '@duckdb/node-api';
import { syncedTablesError } from '../../../core/errors.js';
import { namingDamagedFooter } from '../../data-files/name-damage.js';
import { filesWithMarkedVariants } from '../../parquet/marked-variants.js';
import { groupByParquetSchema, type ParquetNode } from '../../parquet/parquet-schema.js';
import type { ContentFile } from '../manifests/content-file.js';
import { hasFieldIds, type MappedField, withMappedIds } from '../schema/name-mapping.js';

/** A Parquet file of a table, and where the engine finds it. */
export interface PlacedFile {
  readonly file: ContentFile;
  /** Its place in the list of the snapshot. */
  readonly index: number;
  /** Path on the local disk under which a SELECT reads it. */
  readonly data: string;
  /** Path on the local disk of a file with the same footer, available while SELECTs are built. */
  readonly footer: string;
}

/** Files that are read alike. */
export interface FileSet {
  /** With the ids of their fields, whether the files state them or the name mapping. */
  readonly columns: readonly ParquetNode[];
  readonly files: readonly PlacedFile[];
  readonly isVariantMarked: boolean;
}

export interface FileSetOptions {
  readonly tableName: string;
  readonly nameMapping: readonly MappedField[] | null;
  /** Whether columns that are read hold variants. */
  readonly hasVariants: boolean;
  /** Files are not read together unless this is the same for both. */
  readonly mark: (file: PlacedFile) => string;
}

/**
 * Groups files by all that decides how they are read: schema, partition spec, variants, `mark`.
 * @throws SOURCE_FILE_CORRUPT if a footer is damaged, or names no fields that the table knows
 */
export async function fileSets(
  connection: DuckDBConnection,
  files: readonly PlacedFile[],
  options: FileSetOptions,
): Promise<FileSet[]> {
  const { tableName, nameMapping } = options;
  const byFooter = new Map(files.map((file) => [file.footer, file]));
  const footers = [...byFooter.keys()];
  const named = files.map(({ file, footer }) => ({ path: file.path, data: footer }));
  const { groups, marked } = await namingDamagedFooter(connection, tableName, named, async () => ({
    groups: await groupByParquetSchema(connection, footers),
    marked: options.hasVariants ? await filesWithMarkedVariants(connection, footers) : new Set<string>(),
  }));
  return groups.flatMap((group) => {
    const members = group.paths.map((path) => {
      const file = byFooter.get(path);
      if (!file) throw new Error('the engine reported a file that was not asked for');
      return file;
    });
    const columns = columnsWithIds(group.columns, nameMapping, { tableName, file: members[0]?.file.path ?? '' });
    const sets = new Map<string, PlacedFile[]>();
    for (const file of members) {
      const key = JSON.stringify([file.file.spec.id, marked.has(file.footer), options.mark(file)]);
      const set = sets.get(key);
      if (set) set.push(file);
      else sets.set(key, [file]);
    }
    return [...sets.values()].map((same) => {
      return { columns, files: same, isVariantMarked: marked.has(same[0]?.footer ?? '') };
    });
  });
}

/** Files without ids are those of other systems, and of imports from Hive. */
function columnsWithIds(
  columns: readonly ParquetNode[],
  mapping: readonly MappedField[] | null,
  { tableName, file }: { tableName: string; file: string },
): readonly ParquetNode[] {
  if (hasFieldIds(columns)) return columns;
  if (mapping !== null) return withMappedIds(columns, mapping);
  const reason = 'it has no field ids, and the table has no property schema.name-mapping.default that would tell them';
  throw syncedTablesError('SOURCE_FILE_CORRUPT', { file, table: tableName, reason });
}
