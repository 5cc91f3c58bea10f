import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { useTables } from '../../data/tables.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;
/** More would not be read. */
const NAMES_MAX = 20;

/** The other tables of a table's pipeline, by name: what is done to one is done to all of them. */
export function GoesAlong({ table }: { readonly table: TableSummary }) {
  const { pipeline_id: pipeline, tables } = table.pipeline;
  const query = { pipeline, instance: table.instance, sort: 'name', page_size: String(NAMES_MAX + 1) };
  const { data } = useTables(new URLSearchParams(query));
  const others = tables - 1;
  if (others <= 0) return null;
  const shown = (data?.tables ?? []).filter(({ table_id: id }) => id !== table.table_id).slice(0, NAMES_MAX);
  const rest = others - shown.length;
  return (
    <>
      <p>{acts.goesAlong(others)}</p>
      {data && (
        <ul class="names">
          {shown.map(({ table_id: id, name }) => (
            <li key={id}>{name}</li>
          ))}
          {rest > 0 && <li>{acts.moreGoAlong(rest)}</li>}
        </ul>
      )}
    </>
  );
}
