import type { DuckDBConnection } from '@duckdb/node-api';

/** Engine macros that depend only on their arguments; the others report on the engine or its environment. */
const PURE_MACRO =
  /^(list_\w+|array_\w+|map_contains_\w+|md5_number_\w+|split_part|nullif|fdiv|fmod|round_even|roundbankers|date_add|days_in_month|json|geomean|geometric_mean|weighted_avg|wavg|json_group_\w+)$/;

/** Marked as pure by the engine, but they read settings, variables or the clock. */
const IMPURE: ReadonlySet<string> = new Set([
  'current_setting',
  'getvariable',
  'getenv',
  'current_localtime',
  'current_localtimestamp',
  'parse_duckdb_log_message',
]);

/** Which functions user-supplied SQL may call: those whose result depends only on their arguments. */
export interface AllowedFunctions {
  /** Functions of one row. */
  readonly scalar: ReadonlySet<string>;
  /** Functions over rows, for queries. */
  readonly aggregate: ReadonlySet<string>;
}

/** Asks the engine which of its functions are pure. */
export async function allowedFunctions(connection: DuckDBConnection): Promise<AllowedFunctions> {
  const result = await connection.runAndReadAll(
    `select distinct lower(function_name), function_type from duckdb_functions()
      where function_type in ('scalar', 'aggregate', 'macro')
        and database_name = 'system' and coalesce(stability, 'CONSISTENT') = 'CONSISTENT'`,
  );
  const scalar = new Set<string>();
  const aggregate = new Set<string>();
  for (const [name, type] of result.getRowsJson() as [string, string][]) {
    if (IMPURE.has(name)) continue;
    if (type === 'aggregate') aggregate.add(name);
    else if (type === 'scalar' || PURE_MACRO.test(name)) scalar.add(name);
  }
  // Macros over aggregates are functions over rows.
  for (const name of aggregate) scalar.delete(name);
  return { scalar, aggregate };
}
