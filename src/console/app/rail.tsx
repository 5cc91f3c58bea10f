import { useState } from 'preact/hooks';
import { Icon } from '../parts/icon.js';
import { hrefOf } from './places.js';
import { railEntries } from './rail-entries.js';
import { usePlace } from './router.js';

/** The places of the console: a column, or a bar below in a narrow window. */
export function Rail() {
  const { path } = usePlace();
  const [isOpen, setOpen] = useState(false);
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
