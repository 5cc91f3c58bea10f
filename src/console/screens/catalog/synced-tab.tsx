import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { hrefOf } from '../../app/places.js';
import { useTables } from '../../data/tables.js';
import { Condition } from '../../parts/condition.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { sourceTexts as texts } from './texts.js';

/** The synced tables that come from a source. */
export function SyncedTab({ source }: { readonly source: SourceReply }) {
  const tables = useTables(new URLSearchParams({ source: source.name }));
  const what = texts.tabs.synced(source.synced_tables);
  return (
    <Loaded query={tables} what={what} skeleton={<Skeleton rows={2} />}>
      {({ tables: found }) => (
        <>
          {found.length === 0 && <p>{texts.noSynced}</p>}
          <ul class="synced-list">
            {found.map((table) => (
              <li key={table.table_id}>
                <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}`)}>{table.name}</a>
                <Condition table={table} />
                <span class="quiet">{texts.modeWords[table.policy]}</span>
              </li>
            ))}
          </ul>
          <p class="quiet">{texts.syncedOthers}</p>
        </>
      )}
    </Loaded>
  );
}
