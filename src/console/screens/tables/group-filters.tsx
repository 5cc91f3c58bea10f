import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import type { TableGroup } from '../../../core/table-condition.js';
import { setQuery } from '../../app/router.js';
import { Icon } from '../../parts/icon.js';
import { groupIcons, groupWords } from '../../words/conditions.js';
import { numberText } from '../../words/numbers.js';

const GROUPS = Object.keys(groupWords) as TableGroup[];

/** How many tables are how, and at the same time a filter. */
export function GroupFilters({
  counts,
  chosen,
}: {
  readonly counts: TableListReply['counts'];
  readonly chosen: string | null;
}) {
  const shown = GROUPS.filter((group) => counts[group] > 0 || group === chosen);
  if (shown.length === 0) return null;
  return (
    <ul class="groups">
      {shown.map((group) => (
        <li key={group}>
          <button
            type="button"
            aria-pressed={group === chosen}
            onClick={() => setQuery({ group: group === chosen ? null : group })}
          >
            <span class={`state group-${group}`}>
              <Icon name={groupIcons[group]} />
              {groupWords[group]}
            </span>
            <strong>{numberText(counts[group])}</strong>
          </button>
        </li>
      ))}
    </ul>
  );
}
