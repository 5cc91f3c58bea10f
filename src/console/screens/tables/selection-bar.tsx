import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { CopyAs } from '../../parts/copy-as.js';
import { quoteLiteral, quoteShell } from '../../words/quoting.js';
import { BulkActions } from './bulk-actions.js';
import { tablesTexts } from './texts.js';

interface SelectionBarProps {
  readonly chosen: readonly TableSummary[];
  readonly shown: readonly TableSummary[];
  readonly onAll: () => void;
  readonly onNone: () => void;
}

/** What can be done with all selected tables at once. */
export function SelectionBar({ chosen, shown, onAll, onNone }: SelectionBarProps) {
  if (chosen.length === 0) return null;
  const names = chosen.map(({ sql_name: name }) => name);
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
      <details>
        <summary>{tablesTexts.elsewhere}</summary>
        <CopyAs
          what={tablesTexts.selected(chosen.length)}
          snippets={{
            SQL: names.map((name) => `SELECT synced_tables.sync_now(${quoteLiteral(name)});`).join('\n'),
            CLI: names.map((name) => `synced-tables sync ${quoteShell(name)}`).join('\n'),
          }}
        />
      </details>
    </section>
  );
}
