import { useCallback, useState } from 'preact/hooks';
import type { MeReply } from '../../../api/native/me-schema.js';
import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import { hrefOf } from '../../app/places.js';
import { useGradual } from '../../parts/gradual.js';
import { useStableOrder } from '../../parts/stable-order.js';
import { EmptyList } from './empty-list.js';
import { ListFoot } from './list-foot.js';
import { readListQuery } from './list-query.js';
import { SelectionBar } from './selection-bar.js';
import { TableHeader } from './table-header.js';
import { TableRow } from './table-row.js';
import { tablesTexts } from './texts.js';

interface TableListProps {
  readonly reply: TableListReply;
  readonly query: URLSearchParams;
  readonly me: MeReply | null;
  readonly page: number;
  readonly onMore: () => void;
}

/** The rows, and what can be done with those that are selected. */
export function TableList({ reply, query, me, page, onMore }: TableListProps) {
  const key = readListQuery(query, page).toString();
  const { items, moved, sortAgain } = useStableOrder(reply.tables, ({ table_id: id }) => id, key);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback((id: string) => {
    setSelected((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const drawn = useGradual(items.length);
  const chosen = items.filter(({ table_id: id }) => selected.has(id));
  return (
    <>
      {reply.unreachable.map(({ instance, database, error_code: code, message }) => (
        <p key={`${instance}/${database}`} class="box box-fail">
          <strong>{tablesTexts.down(`${instance}/${database}`)}</strong> {message}{' '}
          <a href={hrefOf(`/errors/${code}`)}>{code}</a>
        </p>
      ))}
      {items.length === 0 ? (
        reply.unreachable.length === 0 && <EmptyList reply={reply} query={query} me={me} />
      ) : (
        <>
          <SelectionBar
            chosen={chosen}
            shown={items}
            onAll={() => setSelected(new Set(items.map(({ table_id: id }) => id)))}
            onNone={() => setSelected(new Set())}
          />
          {moved > 0 && (
            <p class="moved" role="status">
              {tablesTexts.sortAgain(moved)}{' '}
              <button type="button" onClick={sortAgain}>
                {tablesTexts.sort}
              </button>
            </p>
          )}
          <table class="list tables">
            <TableHeader query={query} />
            <tbody>
              {items.slice(0, drawn).map((table) => (
                <TableRow
                  key={table.table_id}
                  table={table}
                  isSelected={selected.has(table.table_id)}
                  onSelect={toggle}
                />
              ))}
            </tbody>
          </table>
          <ListFoot reply={reply} shown={items.length} query={query} page={page} onMore={onMore} />
        </>
      )}
    </>
  );
}
