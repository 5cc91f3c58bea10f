import { quoteLiteral } from '../../../core/names.js';
import type { StreamingFlow, StreamingRecord } from '../../../postgres/registry/api/streaming-record.js';

/** What the functions take when an option is left out. */
const DEFAULTS: Readonly<Record<string, unknown>> = { ignore_null_updates: false, once: false, stored_as_scd_type: 1 };

/**
 * Calls in SQL that declare a streaming table and its flows as they are.
 * @returns null for what only files and programs can declare: column lists, queries, functions, sequences of several columns
 */
export function declaringStatement(sqlName: string, { declared, flows }: StreamingRecord): string | null {
  if (declared.columns !== undefined && declared.columns !== null) return null;
  const { comment, tombstoneSeconds } = declared;
  const properties = { 'pipelines.cdc.tombstoneGCThresholdInSeconds': String(tombstoneSeconds) };
  const table = [
    quoteLiteral(sqlName),
    ...(typeof comment === 'string' ? [`comment => ${quoteLiteral(comment)}`] : []),
    ...(typeof tombstoneSeconds === 'number'
      ? [`table_properties => ${quoteLiteral(JSON.stringify(properties))}`]
      : []),
  ];
  const calls = flows.map((flow) => flowCall(sqlName, flow));
  if (calls.some((call) => call === null)) return null;
  return [`SELECT synced_tables.create_streaming_table(${table.join(', ')});`, ...calls].join('\n');
}

function flowCall(target: string, { name, kind, source, options }: StreamingFlow): string | null {
  if (source.kind !== 'name' || !Array.isArray(source.parts)) return null;
  const given = Object.entries(options).filter(([key, value]) => DEFAULTS[key] !== value);
  const values = given.map(([key, value]) => [key, literal(value)] as const);
  if (values.some(([, value]) => value === null)) return null;
  const called = kind === 'changes' ? 'apply_changes' : 'apply_changes_from_snapshot';
  const parameters = [
    `target => ${quoteLiteral(target)}`,
    `source => ${quoteLiteral(source.parts.join('.'))}`,
    ...values.map(([key, value]) => `${key} => ${value}`),
    `name => ${quoteLiteral(name)}`,
    ...(source.isChangeFeed === true ? ['source_change_feed => true'] : []),
  ];
  return `SELECT synced_tables.${called}(\n  ${parameters.join(',\n  ')});`;
}

function literal(value: unknown): string | null {
  if (typeof value === 'string') return quoteLiteral(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return null;
  return `array[${value.map((item) => quoteLiteral(String(item))).join(', ')}]`;
}
