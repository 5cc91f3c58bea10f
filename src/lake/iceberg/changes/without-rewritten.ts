import type { DataType, Field } from '../../../core/data-type.js';
import { quoteIdentifier } from '../../../core/names.js';

const COPIES = '_synced_tables_copies';

/**
 * A SELECT of the changes of one step without those that are none: a row that one file lost and another one got, every value
 * the same, was only written anew. Of several equal rows as many stay as there are more on one side.
 * @param changes a table with the columns of the table, then those of `changeFields`
 */
export function withoutRewritten(changes: string, columns: readonly Field[]): string {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  // The engine groups 0.0 with -0.0, which are two values in Postgres as well.
  const signs = columns.filter(({ type }) => holdsFloat(type)).map(({ name }) => `${quoteIdentifier(name)}::varchar`);
  const added = `sum(case _change_type when 'insert' then 1 else -1 end)::bigint`;
  const rows = [
    ...names,
    `case when ${added} > 0 then 'insert' else 'delete' end as _change_type`,
    'any_value(_commit_version) as _commit_version',
    'any_value(_commit_timestamp) as _commit_timestamp',
    `unnest(range(abs(${added}))) as ${COPIES}`,
  ];
  const groups = [...names, ...signs].join(', ');
  return `select * exclude (${COPIES}) from (select ${rows.join(', ')} from ${changes} group by ${groups})`;
}

function holdsFloat(type: DataType): boolean {
  switch (type.kind) {
    case 'float':
    case 'double':
      return true;
    case 'array':
      return holdsFloat(type.element);
    case 'map':
      return holdsFloat(type.key) || holdsFloat(type.value);
    case 'struct':
      return type.fields.some((field) => holdsFloat(field.type));
    default:
      return false;
  }
}
