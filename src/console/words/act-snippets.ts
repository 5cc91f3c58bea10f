import { callSnippets, quoteLiteral, quoteShell } from './quoting.js';
import type { Snippets } from './snippets.js';

// Everything that can be done with tables and pipelines, as SQL, CLI, curl and Python: each runs as it stands.

/** Where calls and commands go; names are null where they go without saying. */
export interface SnippetPlace {
  readonly server: string;
  readonly instance: string | null;
  readonly database: string | null;
}

export interface NamedTable {
  /** Of three parts. */
  readonly name: string;
  /** As the SQL functions take it. */
  readonly sql_name: string;
}

const NATIVE = '/api/2.0/synced-tables';
const PIPELINES = '/api/2.0/pipelines';

/** The path of a call about a table; `rest` stands behind its name. */
export function tableCallPath({ name }: NamedTable, { instance }: SnippetPlace, rest = ''): string {
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  return `${NATIVE}/tables/${encodeURIComponent(name)}${rest}${query}`;
}

/** @param words as the shell is to see them, already quoted */
export function commandText({ instance, database }: SnippetPlace, ...words: string[]): string {
  const where = [
    ...(instance === null ? [] : [`--instance ${quoteShell(instance)}`]),
    ...(database === null ? [] : [`--database ${quoteShell(database)}`]),
  ];
  return ['synced-tables', ...words, ...where].join(' ');
}

export interface SyncForm {
  readonly fullRefresh: boolean;
  /** Whether the other tables of its pipeline are updated too. */
  readonly scope: 'table' | 'pipeline';
}

export function syncSnippets(place: SnippetPlace, table: NamedTable, { fullRefresh, scope }: SyncForm): Snippets {
  const isAlone = scope === 'table';
  const options = `${fullRefresh ? ', full_refresh => true' : ''}${isAlone ? ", scope => 'table'" : ''}`;
  return {
    SQL: `SELECT synced_tables.sync_now(${quoteLiteral(table.sql_name)}${options});`,
    CLI: commandText(
      place,
      'sync',
      quoteShell(table.sql_name),
      ...(fullRefresh ? ['--full-refresh'] : []),
      ...(isAlone ? ['--scope table'] : []),
    ),
    ...callSnippets(place.server, {
      method: 'POST',
      path: tableCallPath(table, place, '/sync'),
      body: { full_refresh: fullRefresh, scope },
    }),
  };
}

/**
 * Pauses or resumes a pipeline.
 * @param target a table of it as SQL names it, or its id
 */
export function pauseSnippets(
  place: SnippetPlace,
  {
    target,
    pipelineId,
    isPaused,
  }: { readonly target: string; readonly pipelineId: string; readonly isPaused: boolean },
): Snippets {
  const verb = isPaused ? 'pause' : 'resume';
  return {
    SQL: `SELECT synced_tables.${verb}_pipeline(${quoteLiteral(target)});`,
    CLI: commandText(place, verb, quoteShell(target)),
    ...callSnippets(place.server, { method: 'POST', path: `${NATIVE}/pipelines/${pipelineId}/${verb}` }),
  };
}

export function verifySnippets(place: SnippetPlace, table: NamedTable): Snippets {
  return {
    SQL: `SELECT synced_tables.verify(${quoteLiteral(table.sql_name)});`,
    CLI: commandText(place, 'verify', quoteShell(table.sql_name)),
    ...callSnippets(place.server, { method: 'POST', path: tableCallPath(table, place, '/verifications') }),
  };
}

export function cancelVerificationSnippets(place: SnippetPlace, table: NamedTable, id: string): Snippets {
  return {
    SQL: `SELECT synced_tables.cancel_verification(${quoteLiteral(id)});`,
    ...callSnippets(place.server, { method: 'DELETE', path: tableCallPath(table, place, `/verifications/${id}`) }),
  };
}

export function deleteSnippets(place: SnippetPlace, table: NamedTable, drops: boolean): Snippets {
  const path = `/api/2.0/database/synced_tables/${encodeURIComponent(table.name)}${drops ? '?purge_data=true' : ''}`;
  return {
    SQL: `SELECT synced_tables.delete_synced_table(${quoteLiteral(table.sql_name)}${drops ? ', purge => true' : ''});`,
    CLI: commandText(place, 'delete', quoteShell(table.sql_name), ...(drops ? ['--purge'] : [])),
    ...callSnippets(place.server, { method: 'DELETE', path }),
  };
}

export interface CronForm {
  readonly cron: string;
  readonly zone: string;
}

export function scheduleSnippets(place: SnippetPlace, table: NamedTable, { cron, zone }: CronForm): Snippets {
  const [name, ...when] = [table.sql_name, cron, zone].map(quoteLiteral);
  return {
    SQL: `SELECT synced_tables.set_schedule(${[name, ...when].join(', ')});`,
    CLI: commandText(
      place,
      'schedule',
      quoteShell(table.sql_name),
      `--cron ${quoteShell(cron)}`,
      `--time-zone ${quoteShell(zone)}`,
    ),
    ...callSnippets(place.server, {
      method: 'PUT',
      path: tableCallPath(table, place, '/schedule'),
      body: { cron, time_zone: zone },
    }),
  };
}

export function unscheduleSnippets(place: SnippetPlace, table: NamedTable): Snippets {
  return {
    SQL: `SELECT synced_tables.remove_schedule(${quoteLiteral(table.sql_name)});`,
    CLI: commandText(place, 'schedule', quoteShell(table.sql_name), '--remove'),
    ...callSnippets(place.server, { method: 'DELETE', path: tableCallPath(table, place, '/schedule') }),
  };
}

/** @param ms null for the default of the settings */
export function intervalSnippets(place: SnippetPlace, table: NamedTable, ms: number | null): Snippets {
  return {
    SQL: `SELECT synced_tables.set_trigger_interval(${quoteLiteral(table.sql_name)}, ${ms ?? 'NULL'});`,
    ...callSnippets(place.server, {
      method: 'PUT',
      path: tableCallPath(table, place, '/trigger-interval'),
      body: { trigger_interval_ms: ms },
    }),
  };
}

/** Updates a pipeline that has no table to name it by. */
export function startUpdateSnippets(place: SnippetPlace, pipelineId: string, fullRefresh: boolean): Snippets {
  return {
    SQL: `SELECT synced_tables.start_update(${quoteLiteral(pipelineId)}${fullRefresh ? ', full_refresh => true' : ''});`,
    ...callSnippets(place.server, {
      method: 'POST',
      path: `${PIPELINES}/${pipelineId}/updates`,
      body: { full_refresh: fullRefresh },
    }),
  };
}

/** Of flows; @param drops whether their streaming tables go too */
export function deletePipelineSnippets(place: SnippetPlace, pipelineId: string, drops: boolean): Snippets {
  const path = `${PIPELINES}/${pipelineId}?cascade=${drops}`;
  return callSnippets(place.server, { method: 'DELETE', path });
}
