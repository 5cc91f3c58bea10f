import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { curlText, quoteLiteral, quoteShell } from './quoting.js';

// What can be done with a table, as SQL, CLI and curl: each runs as it stands.

type Named = Pick<TableSummary, 'name' | 'sql_name' | 'pipeline'>;

const NATIVE = '/api/2.0/synced-tables';

/** @param scope whether the other tables of its pipeline are updated too */
export function syncSnippets(
  server: string,
  table: Named,
  fullRefresh: boolean,
  scope: 'table' | 'pipeline' = 'pipeline',
) {
  const name = quoteLiteral(table.sql_name);
  const path = `${NATIVE}/tables/${encodeURIComponent(table.name)}/sync`;
  const options = `${fullRefresh ? ', full_refresh => true' : ''}${scope === 'table' ? ", scope => 'table'" : ''}`;
  return {
    SQL: `SELECT synced_tables.sync_now(${name}${options});`,
    ...(scope === 'table'
      ? {}
      : { CLI: `synced-tables sync ${quoteShell(table.sql_name)}${fullRefresh ? ' --full-refresh' : ''}` }),
    curl: curlText(server, 'POST', path, { full_refresh: fullRefresh, scope }),
  };
}

export function pauseSnippets(server: string, table: Named, isPaused: boolean) {
  const verb = isPaused ? 'pause' : 'resume';
  return {
    SQL: `SELECT synced_tables.${verb}_pipeline(${quoteLiteral(table.sql_name)});`,
    curl: curlText(server, 'POST', `${NATIVE}/pipelines/${table.pipeline.pipeline_id}/${verb}`),
  };
}

export function deleteSnippets(server: string, table: Named, drops: boolean) {
  const path = `/api/2.0/database/synced_tables/${encodeURIComponent(table.name)}${drops ? '?purge_data=true' : ''}`;
  return {
    SQL: `SELECT synced_tables.delete_synced_table(${quoteLiteral(table.sql_name)}${drops ? ', purge => true' : ''});`,
    CLI: `synced-tables delete ${quoteShell(table.sql_name)}${drops ? ' --purge' : ''}`,
    curl: curlText(server, 'DELETE', path),
  };
}
