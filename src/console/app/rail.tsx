import { useState } from 'preact/hooks';
import type { TableListReply } from '../../api/native/tables/table-list-schema.js';
import { TABLES } from '../data/tables.js';
import { useQuery } from '../data/use-query.js';
import { Icon } from '../parts/icon.js';
import { hrefOf } from './places.js';
import { railEntries } from './rail-entries.js';
import { usePlace } from './router.js';
import { shellTexts } from './texts.js';

/** The places of the console: a column, or a bar below in a narrow window. */
export function Rail() {
  const { path } = usePlace();
  const [isOpen, setOpen] = useState(false);
  const failing = useFailing();
  return (
    <nav class="rail" aria-label="Places">
      <a class="brand" href={hrefOf('/tables')}>
        synced-tables
      </a>
      <ul class={isOpen ? 'rail-open' : ''}>
        {railEntries.map((entry) => (
          <li key={entry.path} class={entry.isFirst ? '' : 'rail-later'}>
            <a
              href={hrefOf(entry.path)}
              aria-current={isWithin(path, entry.path) ? 'page' : undefined}
              onClick={() => setOpen(false)}
            >
              <Icon name={entry.icon} />
              <span>{entry.word}</span>
              {entry.path === '/tables' && failing > 0 && (
                <span class="badge" title={shellTexts.failing(failing)}>
                  {failing}
                </span>
              )}
            </a>
          </li>
        ))}
        <li class="rail-more">
          <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <Icon name="more" />
            <span>More</span>
          </button>
        </li>
      </ul>
    </nav>
  );
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/** How many tables have failed; asked for now and then, whatever is shown. */
function useFailing(): number {
  const { data } = useQuery<TableListReply>(`${TABLES}?group=fail&page_size=1`);
  return data?.counts.fail ?? 0;
}
