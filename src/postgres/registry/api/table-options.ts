import type pg from 'pg';

/** Everything that a synced table was created with, and the schedule of its pipeline. */
export interface TableOptions {
  readonly source: string;
  readonly primaryKeyColumns: readonly string[];
  readonly timeseriesKey: string | null;
  readonly policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  readonly invalidCharacters: 'fail' | 'strip';
  readonly createsSchema: boolean;
  readonly allowFileDiff: boolean;
  readonly onHistoryGap: 'fail' | 'refresh';
  readonly publish: 'separately' | 'together';
  readonly acceleratedSync: boolean;
  /** Null for the default of the settings. */
  readonly triggerIntervalMs: number | null;
  readonly columns: readonly string[] | null;
  readonly rowFilter: string | null;
  readonly typeOverrides: readonly Readonly<Record<string, unknown>>[];
  readonly extraColumns: readonly Readonly<Record<string, unknown>>[];
  readonly extraIndexDefinitions: readonly Readonly<Record<string, unknown>>[];
  readonly newPipelineSpec: Readonly<Record<string, unknown>> | null;
  /** Whether other tables are in its pipeline. */
  readonly sharesPipeline: boolean;
  readonly schedule: { readonly cron: string; readonly timeZone: string } | null;
}

/** What is kept beside the arguments, such as how an index was read, stays in the registry. */
const given = (column: string, fields: readonly string[]) =>
  `(select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(${fields
    .map((field) => `'${field}', e -> '${field}'`)
    .join(', ')}))), '[]') from jsonb_array_elements(t.${column}) e)`;

const SELECT_OPTIONS = `
  select t.source_table_full_name as source, t.primary_key_columns as "primaryKeyColumns", t.timeseries_key as "timeseriesKey",
         p.scheduling_policy as policy, t.invalid_characters as "invalidCharacters",
         t.create_schema_if_missing as "createsSchema", t.allow_file_diff as "allowFileDiff",
         t.on_history_gap as "onHistoryGap", p.publish, t.accelerated_sync as "acceleratedSync",
         p.trigger_interval_ms as "triggerIntervalMs", t.columns, t.row_filter as "rowFilter",
         ${given('type_overrides', ['column_name', 'pg_type', 'size'])} as "typeOverrides",
         ${given('extra_columns', ['column_name', 'column_type', 'compute', 'maintenance'])} as "extraColumns",
         ${given('extra_index_definitions', ['name', 'definition'])} as "extraIndexDefinitions",
         t.new_pipeline_spec as "newPipelineSpec",
         exists (select from synced_tables._tables o where o.pipeline_id = t.pipeline_id and o.table_id <> t.table_id) as "sharesPipeline",
         (select jsonb_build_object('cron', s.cron, 'timeZone', s.time_zone) from synced_tables._schedules s
           where s.pipeline_id = t.pipeline_id) as schedule
    from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id) where t.table_id = $1`;

/**
 * The options of a synced table; null if there is none of that id. The caller checks beforehand who may see it.
 * @param client a session with the sidecar's rights
 */
export async function readTableOptions(client: pg.ClientBase, tableId: string): Promise<TableOptions | null> {
  const { rows } = await client.query<TableOptions>(SELECT_OPTIONS, [tableId]);
  return rows[0] ?? null;
}
