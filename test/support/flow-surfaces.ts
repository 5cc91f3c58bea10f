import type pg from 'pg';
import { quoteLiteral } from '../../src/core/names.js';
import { readPipeline } from '../../src/flows/declare/read-pipeline.js';
import {
  applyChanges,
  type ChangeFlowChoices,
  createStreamingTable,
  gatherPipeline,
} from '../../src/program/declare-flows.js';
import { declarePipeline } from '../../src/program/declared-pipeline.js';

/** The ways to declare a flow. */
export const SURFACES = ['psql', 'file', 'program'] as const;
export type Surface = (typeof SURFACES)[number];

export interface SurfaceFlow {
  /** Schema and table, of letters, digits and underscores. */
  readonly target: string;
  readonly source: string;
  /** As a vector has them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Declares a streaming table and its flow from changes, in the words of one surface. */
export async function declareBy(surface: Surface, client: pg.Client, flow: SurfaceFlow): Promise<void> {
  const { target, source } = flow;
  if (surface === 'psql') {
    await client.query('select synced_tables.create_streaming_table($1)', [target]);
    await client.query(callText(flow));
    return;
  }
  const { mode: _, ...options } = flow.options;
  const named = Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
  const choices = { ...named, target, source } as unknown as ChangeFlowChoices;
  const pipeline =
    surface === 'file'
      ? readPipeline(fileText(flow), 'vector.sql')
      : gatherPipeline([createStreamingTable({ name: target }), applyChanges(choices)]).pipeline;
  await declarePipeline({
    client,
    name: target,
    pipeline,
    defaultSchema: 'public',
    runsInProgram: false,
    isContinuous: false,
  });
}

/** The flow as a call in psql. */
function callText({ target, source, options: { mode: _, ...options } }: SurfaceFlow): string {
  const parameters = Object.entries(options).map(([name, value]) => `${name} => ${sqlValue(value)}`);
  return `select synced_tables.apply_changes(target => ${quoteLiteral(target)}, source => ${quoteLiteral(source)}, ${parameters.join(', ')})`;
}

function sqlValue(value: unknown): string {
  if (Array.isArray(value)) return `array[${value.map((item) => quoteLiteral(String(item))).join(', ')}]::text[]`;
  if (typeof value === 'object' && value !== null && 'struct' in value) {
    return quoteLiteral(`struct(${(value.struct as string[]).join(', ')})`);
  }
  return typeof value === 'string' ? quoteLiteral(value) : String(value);
}

/** The flow as a pipeline file. */
function fileText({ target, source, options }: SurfaceFlow): string {
  const list = (names: unknown) => `(${(names as string[]).join(', ')})`;
  const sequence = (by: unknown) =>
    typeof by === 'string' ? by : `struct(${(by as { struct: string[] }).struct.join(', ')})`;
  const clauses: Record<string, (value: never) => string> = {
    ignore_null_updates: (value) => (value ? 'IGNORE NULL UPDATES' : ''),
    ignore_null_updates_column_list: (names) => `IGNORE NULL UPDATES ON ${list(names)}`,
    ignore_null_updates_except_column_list: (names) => `IGNORE NULL UPDATES ON * EXCEPT ${list(names)}`,
    apply_as_deletes: (condition) => `APPLY AS DELETE WHEN ${condition}`,
    apply_as_truncates: (condition) => `APPLY AS TRUNCATE WHEN ${condition}`,
    sequence_by: (by) => `SEQUENCE BY ${sequence(by)}`,
    column_list: (names) => `COLUMNS ${list(names)}`,
    except_column_list: (names) => `COLUMNS * EXCEPT ${list(names)}`,
    stored_as_scd_type: (type) => `STORED AS SCD TYPE ${type}`,
    track_history_column_list: (names) => `TRACK HISTORY ON ${list(names)}`,
    track_history_except_column_list: (names) => `TRACK HISTORY ON * EXCEPT ${list(names)}`,
    columns_to_update: (column) => `COLUMNS TO UPDATE ${column}`,
  };
  const { keys, mode: _, ...others } = options;
  const said = Object.entries(others).map(([name, value]) => clauses[name]?.(value as never) ?? `?${name}?`);
  return `CREATE OR REFRESH STREAMING TABLE ${target};
APPLY CHANGES INTO ${target}
FROM STREAM(${source})
KEYS ${list(keys)}
${said.join('\n')};`;
}
