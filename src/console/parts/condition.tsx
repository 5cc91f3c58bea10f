import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { useNow } from '../app/clock.js';
import { conditionWords, iconOf } from '../words/conditions.js';
import { Icon } from './icon.js';

/** The state of a table: shape, word and colour. */
export function Condition({ table }: { readonly table: TableSummary }) {
  const now = useNow();
  return (
    <span class={`state group-${table.group}`} title={table.state}>
      <Icon name={iconOf(table.condition)} />
      <span>{conditionWords(table, now)}</span>
    </span>
  );
}
