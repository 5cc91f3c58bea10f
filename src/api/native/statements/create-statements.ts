import { curlText, pythonText } from '../../../core/call-text.js';
import { postgresTableName, quoteLiteral } from '../../../core/names.js';
import { quoteShell } from '../../../core/quote-shell.js';
import type { CreateRequest } from '../../synced-tables/create-request.js';
import type { Statements } from './statement-schema.js';

type Spec = CreateRequest['spec'];

export interface StatementPlace {
  /** Null where it goes without saying. */
  readonly instance: string | null;
  readonly database: string | null;
  /** Address of the server, without a slash at its end. */
  readonly server: string;
}

/** What a request leaves to its defaults says nothing that anybody has to read. */
const DEFAULTS: Readonly<Partial<Record<keyof Spec, unknown>>> = {
  scheduling_policy: 'SNAPSHOT',
  invalid_characters: 'fail',
  allow_file_diff: false,
  on_history_gap: 'fail',
  publish: 'separately',
  create_database_objects_if_missing: true,
  accelerated_sync: false,
  timeseries_key: '',
  existing_pipeline_id: '',
  row_filter: '',
};

/** The statements that create what a request asks for, each running as it is. */
export function createStatements(request: CreateRequest, place: StatementPlace): Statements {
  const call = { method: 'POST', path: TABLES_PATH, body: bodyOf(request) } as const;
  return {
    sql: sqlOf(request),
    cli: cliOf(request, place),
    curl: curlText(place.server, call),
    python: pythonText(place.server, call),
  };
}

function givenOptions({ spec }: CreateRequest): Spec {
  const given = Object.entries(spec).filter(([name, value]) => {
    const isEmptyList = Array.isArray(value) && value.length === 0;
    return value !== undefined && !isEmptyList && value !== DEFAULTS[name as keyof Spec];
  });
  return Object.fromEntries(given) as Spec;
}

function sqlOf(request: CreateRequest): string {
  const { name, schedule } = request;
  const { source_table_full_name: source, primary_key_columns: key, ...options } = givenOptions(request);
  const table = quoteLiteral(postgresTableName(name.schema, name.table));
  const lines = [
    table,
    `source_table_full_name => ${quoteLiteral(source ?? '')}`,
    `primary_key_columns => ${arrayOf(key ?? [])}`,
    ...Object.entries(options).map(([argument, value]) => {
      return `${argument} => ${argument === 'columns' ? arrayOf(options.columns ?? []) : sqlValue(value)}`;
    }),
  ];
  const create = `SELECT synced_tables.create_synced_table(\n  ${lines.join(',\n  ')});`;
  if (!schedule) return create;
  const when = [table, quoteLiteral(schedule.cron), quoteLiteral(schedule.timeZone)].join(', ');
  return `${create}\nSELECT synced_tables.set_schedule(${when});`;
}

function arrayOf(names: readonly string[]): string {
  return `ARRAY[${names.map(quoteLiteral).join(', ')}]`;
}

function sqlValue(value: unknown): string {
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? quoteLiteral(value) : quoteLiteral(JSON.stringify(value));
}

const TYPES = /^PG_SPECIFIC_TYPE_/;

/** Null where the command line has no such option. */
function cliOf(request: CreateRequest, { instance, database }: StatementPlace): string | null {
  const { name, schedule } = request;
  const options = givenOptions(request);
  const { primary_key_columns: key = [], columns = [] } = options;
  const isList = (names: readonly string[]) => !names.some((name) => name.includes(',') || name.trim() !== name);
  if (options.new_pipeline_spec !== undefined || !isList(key) || !isList(columns)) return null;
  const table = postgresTableName(name.schema, name.table);
  const where = [...option('--instance', instance), ...option('--database', database)];
  const overrides = (options.type_overrides ?? []).map(({ column_name, pg_type, size }) => {
    const length = size === undefined ? '' : `(${size})`;
    return `${column_name}=${pg_type.replace(TYPES, '').toLowerCase()}${length}`;
  });
  const json = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));
  const create = [
    table,
    ...option('--source', options.source_table_full_name ?? null),
    ...option('--primary-key', key.join(',')),
    ...option('--policy', options.scheduling_policy ?? null),
    ...option('--timeseries-key', options.timeseries_key ?? null),
    ...option('--columns', columns.join(',') || null),
    ...option('--row-filter', options.row_filter ?? null),
    ...option('--invalid-characters', options.invalid_characters ?? null),
    ...option('--on-history-gap', options.on_history_gap ?? null),
    ...option('--publish', options.publish ?? null),
    ...option('--pipeline', options.existing_pipeline_id ?? null),
    ...overrides.flatMap((override) => option('--type-override', override)),
    ...option('--extra-columns', json(options.extra_columns)),
    ...option('--extra-indexes', json(options.extra_index_definitions)),
    ...(options.allow_file_diff ? ['--allow-file-diff'] : []),
    ...(options.accelerated_sync ? ['--accelerated'] : []),
    ...(options.create_database_objects_if_missing === false ? ['--no-create-schema'] : []),
    ...where,
  ];
  const lines = [commandLine('create', create)];
  if (schedule) {
    const zone = option('--time-zone', schedule.timeZone === 'UTC' ? null : schedule.timeZone);
    lines.push(commandLine('schedule', [table, '--cron', schedule.cron, ...zone, ...where]));
  }
  return lines.join('\n');
}

function option(name: string, value: string | null): string[] {
  return value === null ? [] : [name, value];
}

/** Values may begin like one: a row filter is any text. */
const OPTION = /^--[a-z-]+$/;

/** One option a line; its value stays beside it. */
function commandLine(command: string, words: readonly string[]): string {
  const text = words.map((word) => (OPTION.test(word) ? `\\\n  ${word}` : quoteShell(word))).join(' ');
  return `synced-tables ${command} ${text}`;
}

const TABLES_PATH = '/api/2.0/synced-tables/tables';

function bodyOf(request: CreateRequest): object {
  const { name, instance, database, schedule } = request;
  return {
    name: `${name.catalog}.${name.schema}.${name.table}`,
    ...(instance === undefined ? {} : { instance: instance.name }),
    ...(database === undefined ? {} : { database }),
    ...givenOptions(request),
    ...(schedule ? { schedule: { cron: schedule.cron, time_zone: schedule.timeZone } } : {}),
  };
}
