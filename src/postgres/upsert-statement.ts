import { quoteIdentifier } from '../core/names.js';
import type { SyncedTable, TargetColumn } from '../core/synced-table.js';
import { identifierList } from './shadow-table.js';

export interface UpsertOptions {
  readonly table: Pick<SyncedTable, 'keyColumns'>;
  readonly columns: readonly TargetColumn[];
  /** Where rows go, quoted for SQL; its alias in the statement is `t`. */
  readonly target: string;
  /** Where they come from, quoted for SQL; a condition may follow. */
  readonly source: string;
}

/**
 * One INSERT … ON CONFLICT that leaves rows alone which are equal already. In the order of the key, so that neighbours
 * in the index are written together.
 */
export function upsertStatement({ table, columns, target, source }: UpsertOptions): string {
  const names = columns.map((column) => column.field.name);
  const others = names.filter((name) => !table.keyColumns.includes(name));
  const list = (prefix: string) => others.map((name) => `${prefix}.${quoteIdentifier(name)}`).join(', ');
  const assignments = others.map((name) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`);
  const keys = identifierList(table.keyColumns);
  const conflict =
    others.length === 0
      ? 'nothing'
      : `update set ${assignments.join(', ')} where (${list('t')}) is distinct from (${list('excluded')})`;
  return `insert into ${target} as t (${identifierList(names)}) select ${identifierList(names)} from ${source}
            order by ${keys} on conflict (${keys}) do ${conflict}`;
}
