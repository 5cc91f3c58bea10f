import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { useMe } from '../../data/me.js';
import { ActsElsewhere } from '../../parts/acts-elsewhere.js';
import { BulkActions } from './bulk-actions.js';
import { bulkActsElsewhere } from './bulk-acts-elsewhere.js';
import { tablesTexts } from './texts.js';

interface SelectionBarProps {
  readonly chosen: readonly TableSummary[];
  readonly shown: readonly TableSummary[];
  readonly onAll: () => void;
  readonly onNone: () => void;
}

/** What can be done with all selected tables at once. */
export function SelectionBar({ chosen, shown, onAll, onNone }: SelectionBarProps) {
  const me = useMe();
  if (chosen.length === 0) return null;
  return (
    <section class="selection" aria-label={tablesTexts.selected(chosen.length)}>
      <p role="status">{tablesTexts.selected(chosen.length)}</p>
      {chosen.length < shown.length && (
        <button type="button" onClick={onAll}>
          {tablesTexts.selectAll(shown.length)}
        </button>
      )}
      <button type="button" onClick={onNone}>
        {tablesTexts.selectNone}
      </button>
      <BulkActions chosen={chosen} />
      <ActsElsewhere acts={bulkActsElsewhere(me.data ?? null, chosen)} />
    </section>
  );
}
