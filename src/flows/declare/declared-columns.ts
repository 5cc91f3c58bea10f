import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';

/** Postgres types of the lakehouse's type names; columns of other types only have to exist. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  tinyint: 'smallint',
  byte: 'smallint',
  smallint: 'smallint',
  short: 'smallint',
  int: 'integer',
  integer: 'integer',
  bigint: 'bigint',
  long: 'bigint',
  float: 'real',
  real: 'real',
  double: 'double precision',
  boolean: 'boolean',
  binary: 'bytea',
  date: 'date',
  timestamp: 'timestamp with time zone',
  timestamp_ntz: 'timestamp without time zone',
  variant: 'jsonb',
};

type DeclaredColumn = { readonly name: string; readonly type: string };

/**
 * Checks the columns that a streaming table was declared with against those that a flow writes.
 * @param declared null if none were declared
 * @throws STREAMING_TABLE_SCHEMA_MISMATCH
 */
export function requireDeclaredColumns(flow: AutoCdcFlow, declared: readonly DeclaredColumn[] | null): void {
  if (declared === null || declared.length === 0) return;
  const fail = (reason: string) => {
    const details = { target: flow.fullName, flow: flow.flowName, reason };
    return syncedTablesError('STREAMING_TABLE_SCHEMA_MISMATCH', details);
  };
  const written = new Map(writtenColumns(flow).map(({ name, type }) => [name.toLowerCase(), type]));
  for (const { name, type } of declared) {
    const found = written.get(name.toLowerCase());
    if (found === undefined) throw fail(`the flow has no column ${name}`);
    const wanted = TYPES[type.trim().toLowerCase()] ?? decimalType(type);
    if (wanted !== null && wanted !== found)
      throw fail(`column ${name} is declared as ${type}, the flow gives ${found}`);
    written.delete(name.toLowerCase());
  }
  const [missing] = written.keys();
  if (missing !== undefined) throw fail(`column ${missing} is not declared`);
}

function decimalType(type: string): string | null {
  const found = /^(?:decimal|numeric|dec)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)$/i.exec(type.trim());
  return found ? `numeric(${found[1]},${found[2] ?? 0})` : null;
}

function writtenColumns(flow: AutoCdcFlow): { readonly name: string; readonly type: string }[] {
  const columns = flow.columns.map(({ name, postgresType }) => ({ name, type: postgresType }));
  if (flow.scdType === 1) return columns;
  const [first] = flow.sequence.fields;
  const type = flow.sequence.kind === 'struct' || first === undefined ? 'jsonb' : first.postgresType;
  return [...columns, { name: '__START_AT', type }, { name: '__END_AT', type }];
}
