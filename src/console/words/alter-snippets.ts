import { postgresTableName } from '../../core/names.js';
import { commandText, type NamedTable, type SnippetPlace, tableCallPath } from './act-snippets.js';
import { callSnippets, quoteLiteral, quoteShell } from './quoting.js';
import type { Snippets } from './snippets.js';

// Changing a table, renaming it and canceling its updates, as SQL, CLI, curl and Python: each runs as it stands.

/** Settings by their names in the call; only what is to be changed. */
export type TableChange = Readonly<Record<string, unknown>>;

/** What the command line calls them. Lists of objects that it takes as JSON are among them. */
const OPTIONS: Readonly<Record<string, string>> = {
  source_table_full_name: '--source',
  primary_key_columns: '--primary-key',
  scheduling_policy: '--policy',
  timeseries_key: '--timeseries-key',
  columns: '--columns',
  row_filter: '--row-filter',
  invalid_characters: '--invalid-characters',
  on_history_gap: '--on-history-gap',
  extra_columns: '--extra-columns',
  extra_index_definitions: '--extra-indexes',
  reset: '--reset',
};
const SWITCHES: Readonly<Record<string, string>> = {
  allow_file_diff: 'allow-file-diff',
  accelerated_sync: 'accelerated',
};

export function alterSnippets(place: SnippetPlace, table: NamedTable, change: TableChange): Snippets {
  const given = Object.entries(change);
  const words = given.flatMap(([name, value]) => optionWords(name, value));
  const CLI = words.includes(null)
    ? null
    : commandText(place, 'alter', quoteShell(table.sql_name), ...(words as string[]));
  const settings = given.map(([name, value]) => `${name} => ${sqlValue(value)}`);
  return {
    SQL: `SELECT synced_tables.alter_synced_table(${[quoteLiteral(table.sql_name), ...settings].join(', ')});`,
    ...(CLI === null ? {} : { CLI }),
    ...callSnippets(place.server, { method: 'PATCH', path: tableCallPath(table, place), body: change }),
  };
}

/** @param newName schema.table, without quotes */
export function renameSnippets(place: SnippetPlace, table: NamedTable, newName: string): Snippets {
  const [schema = '', name = ''] = newName.split('.');
  const sqlName = postgresTableName(schema, name);
  return {
    SQL: `SELECT synced_tables.rename_synced_table(${quoteLiteral(table.sql_name)}, ${quoteLiteral(sqlName)});`,
    CLI: commandText(place, 'rename', quoteShell(table.sql_name), quoteShell(sqlName)),
    ...callSnippets(place.server, {
      method: 'POST',
      path: tableCallPath(table, place, '/rename'),
      body: { new_name: newName },
    }),
  };
}

/** @param target the table, or its pipeline by its id */
export function cancelSnippets(place: SnippetPlace, table: NamedTable, target = table.sql_name): Snippets {
  return {
    SQL: `SELECT synced_tables.cancel_updates(${quoteLiteral(target)});`,
    CLI: commandText(place, 'cancel', quoteShell(target)),
    ...callSnippets(place.server, { method: 'POST', path: tableCallPath(table, place, '/cancel') }),
  };
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function sqlValue(value: unknown): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quoteLiteral(value);
  if (isListOfTexts(value)) return `ARRAY[${value.map(quoteLiteral).join(', ')}]`;
  return quoteLiteral(JSON.stringify(value));
}

interface TypeOverride {
  readonly column_name?: string;
  readonly pg_type?: string;
  readonly size?: number;
}

/** Null where the command line has no word for it. */
function optionWords(name: string, value: unknown): (string | null)[] {
  const option = OPTIONS[name];
  const form = SWITCHES[name];
  if (form !== undefined) return [value === true ? `--${form}` : `--no-${form}`];
  if (name === 'type_overrides') {
    return (value as readonly TypeOverride[]).map(({ column_name: column = '', pg_type: type = '', size }) => {
      const length = size === undefined ? '' : `(${size})`;
      return `--type-override ${quoteShell(`${column}=${type.replace(/^PG_SPECIFIC_TYPE_/, '').toLowerCase()}${length}`)}`;
    });
  }
  if (option === undefined) return [null];
  if (typeof value === 'string') return [`${option} ${quoteShell(value)}`];
  if (!isListOfTexts(value)) return [`${option} ${quoteShell(JSON.stringify(value))}`];
  // A list is separated by commas, and a name may have one in it.
  return value.some((item) => item.includes(',') || item.trim() !== item)
    ? [null]
    : [`${option} ${quoteShell(value.join(','))}`];
}
