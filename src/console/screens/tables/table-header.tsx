import { setQuery } from '../../app/router.js';
import { tablesTexts } from './texts.js';

const { columns } = tablesTexts;

/** Orders that begin with the greatest. */
const GREATEST_FIRST = new Set(['lag', 'rows', 'size', 'last_sync']);

/** Names of the columns; those that order the list are buttons. */
export function TableHeader({ query }: { readonly query: URLSearchParams }) {
  return (
    <thead>
      <tr>
        <th scope="col">
          <span class="hidden">{columns.select}</span>
        </th>
        <Sortable word={columns.state} order="problem" query={query} />
        <Sortable word={columns.table} order="name" query={query} />
        <th scope="col">{columns.mode}</th>
        <Sortable word={columns.lag} order="lag" query={query} isNumber />
        <Sortable word={columns.rows} order="rows" query={query} isNumber />
        <Sortable word={columns.lastSync} order="last_sync" query={query} />
        <th scope="col">{columns.result}</th>
      </tr>
    </thead>
  );
}

interface SortableProps {
  readonly word: string;
  readonly order: string;
  readonly query: URLSearchParams;
  readonly isNumber?: boolean;
}

function Sortable({ word, order, query, isNumber = false }: SortableProps) {
  const isChosen = (query.get('sort') ?? 'problem') === order;
  const isDescending = query.get('descending') === 'true';
  const sort = () => {
    const descending = isChosen ? !isDescending : GREATEST_FIRST.has(order);
    setQuery({ sort: order === 'problem' ? null : order, descending: descending ? 'true' : null });
  };
  return (
    <th
      scope="col"
      class={isNumber ? 'number' : ''}
      aria-sort={isChosen ? (isDescending ? 'descending' : 'ascending') : undefined}
    >
      <button type="button" class="sort" onClick={sort}>
        {word}
        <span aria-hidden="true">{isChosen ? (isDescending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}
