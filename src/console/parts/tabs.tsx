import { hrefOf } from '../app/places.js';
import { navigate } from '../app/router.js';

export interface Tab {
  /** Within the console; begins with a slash. */
  readonly path: string;
  readonly word: string;
}

/** Parts of a page, each with an address; a select where there is little room. */
export function Tabs({
  tabs,
  current,
  label,
}: {
  readonly tabs: readonly Tab[];
  readonly current: string;
  readonly label: string;
}) {
  return (
    <nav class="tabs" aria-label={label}>
      <ul class="tabs-wide">
        {tabs.map(({ path, word }) => (
          <li key={path}>
            <a href={hrefOf(path)} aria-current={path === current ? 'page' : undefined}>
              {word}
            </a>
          </li>
        ))}
      </ul>
      <select
        class="tabs-narrow"
        aria-label={label}
        value={current}
        onChange={(event) => navigate(event.currentTarget.value)}
      >
        {tabs.map(({ path, word }) => (
          <option key={path} value={path}>
            {word}
          </option>
        ))}
      </select>
    </nav>
  );
}
