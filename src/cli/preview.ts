import type { Command } from 'commander';
import { countOf } from '../core/count-of.js';
import { filesReadText } from '../lake/relation/files-read.js';
import { previewSource, type SourcePreview } from '../sync/source/preview-source.js';
import { openLake } from './connect/open-lake.js';
import {
  addConfigOption,
  addOutputOption,
  collectColumns,
  type OutputOptions,
  type SettingsOptions,
  settingsOf,
} from './options/command-options.js';
import { textTable } from './output/text-table.js';

interface PreviewOptions extends SettingsOptions, OutputOptions {
  readonly primaryKey?: string[];
  readonly columns?: string[];
  readonly rowFilter?: string;
}

export function addPreviewCommand(program: Command): void {
  const command = program
    .command('preview')
    .description('Show what a sync of a source table would produce and run into, without Postgres.')
    .argument('<source>', 'the source table, catalog.schema.table')
    .option('--primary-key <columns>', 'a key to judge: columns separated by commas', collectColumns)
    .option('--columns <columns>', 'look at these columns alone, separated by commas', collectColumns)
    .option('--row-filter <condition>', "look at these rows alone: a condition of the lakehouse's SQL")
    .addHelpText(
      'after',
      `
Needs a catalog only: that of the settings, or SYNCED_TABLES_LAKE=<folder> for one named lake.

Examples:
  synced-tables preview lake.gold.user_profiles
  synced-tables preview prod.sales.orders --primary-key region,order_id --output json
  synced-tables preview lake.gold.users --primary-key id --columns id,name --row-filter "region = 'EU'"`,
    )
    .action(preview);
  addOutputOption(addConfigOption(command));
}

async function preview(source: string, options: PreviewOptions): Promise<void> {
  await using lake = await openLake(settingsOf(options, { postgres: false }));
  const { primaryKey = [], columns: chosenColumns = null, rowFilter = null } = options;
  const found = await previewSource(await lake.catalogs.open(source), primaryKey, { chosenColumns, rowFilter });
  process.stdout.write(options.output === 'json' ? `${previewJson(found)}\n` : previewText(found));
}

function previewJson(preview: SourcePreview): string {
  const { snapshot, primaryKey: key } = preview;
  return JSON.stringify({
    source_table_full_name: snapshot.tableName,
    version: jsonNumber(snapshot.version),
    committed_at: commitTime(preview),
    row_count: jsonNumber(preview.rowCount),
    size_bytes: jsonNumber(snapshot.sizeBytes ?? null),
    files_read: filesReadJson(preview),
    columns: preview.columns.map((column) => ({
      name: column.name,
      source_type: column.sourceType,
      postgres_type: column.postgresType,
      nullable: column.nullable,
    })),
    key_candidates: preview.keyCandidates,
    primary_key: key && {
      columns: key.columns,
      is_unique: key.duplicateKeys === 0n,
      rows_with_null: jsonNumber(key.rowsWithNull),
      duplicate_keys: jsonNumber(key.duplicateKeys),
      duplicate_rows: jsonNumber(key.duplicateRows),
    },
    scheduling_policies: preview.modes.map(({ policy, problem, byFileComparison }) => ({
      scheduling_policy: policy,
      is_possible: problem === null,
      by_file_comparison: byFileComparison,
      problem: problem && { error_code: problem.code, message: problem.message, remedy: problem.remedy },
    })),
    warnings: preview.warnings.map(({ code, message, remedy }) => ({ error_code: code, message, remedy })),
  });
}

/** Null unless files without wanted rows may be left out. */
function filesReadJson({ filesRead }: SourcePreview) {
  if (filesRead === undefined) return null;
  const { files, bytes, allFiles, allBytes } = filesRead;
  return { files, bytes: jsonNumber(bytes), of_files: allFiles, of_bytes: jsonNumber(allBytes) };
}

/** A number if JSON readers keep it exact, otherwise text. */
function jsonNumber(value: bigint | null): number | string | null {
  if (value === null) return null;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

function commitTime({ snapshot }: SourcePreview): string | null {
  return snapshot.committedAtMs === null ? null : new Date(snapshot.committedAtMs).toISOString();
}

function previewText(preview: SourcePreview): string {
  const { snapshot } = preview;
  const facts = [
    snapshot.version === null ? 'no versions' : `version ${snapshot.version}`,
    ...(snapshot.committedAtMs === null ? [] : [`committed ${commitTime(preview)}`]),
    ...(preview.rowCount === null ? [] : [countOf(preview.rowCount, 'row')]),
    ...(snapshot.sizeBytes === undefined ? [] : [`${snapshot.sizeBytes} bytes`]),
    ...(preview.filesRead === undefined ? [] : [`read from ${filesReadText(preview.filesRead)}`]),
  ];
  const columns = preview.columns.map((column) => [
    column.name,
    column.sourceType,
    column.postgresType ?? '(none)',
    column.nullable ? '' : 'not null',
  ]);
  const warnings = preview.warnings.map(({ code, message, remedy }) => `  ${code}: ${message} ${remedy}\n`);
  return [
    `${snapshot.tableName}: ${facts.join(', ')}\n`,
    `${textTable(['column', 'source type', 'Postgres type', ''], columns, 60)}\n`,
    `Key candidates: ${candidatesText(preview)}\n`,
    ...keyText(preview),
    policiesText(preview),
    warnings.length === 0 ? 'Warnings: none\n' : `Warnings:\n${warnings.join('')}`,
  ].join('\n');
}

function policiesText({ modes, warnings }: SourcePreview): string {
  const possible = modes.filter(({ problem }) => problem === null).map(({ policy }) => policy);
  const byFiles = modes.filter(({ byFileComparison }) => byFileComparison).map(({ policy }) => policy);
  const compared = byFiles.length === 0 ? '' : `; with --allow-file-diff ${byFiles.join(', ')}`;
  const problem = modes.find((mode) => mode.problem !== null)?.problem ?? null;
  // One that is told of as a warning is not told of twice.
  const isTold = problem === null || warnings.some(({ code }) => code === problem.code);
  const reason = isTold ? '' : `  ${problem.code}: ${problem.message} ${problem.remedy}\n`;
  return `Scheduling policies: ${possible.join(', ')}${compared}\n${reason}`;
}

function candidatesText({ keyCandidates }: SourcePreview): string {
  if (keyCandidates === null) return 'not known, since no row was read';
  return keyCandidates.join(', ') || 'no single column; try several with --primary-key';
}

function keyText({ primaryKey: key }: SourcePreview): string[] {
  if (key === null) return [];
  const isFine = key.duplicateKeys === 0n && key.rowsWithNull === 0n;
  const verdict = isFine
    ? 'unique and never null'
    : `${key.duplicateKeys} with several rows (${key.duplicateRows}), ${countOf(key.rowsWithNull, 'row')} with a null in it`;
  return [`Primary key (${key.columns.join(', ')}): ${verdict}\n`];
}
