import './table-tabs.css';
import { useState } from 'preact/hooks';
import type { TableSettings } from '../../../api/native/tables/alter-table-schema.js';
import { hrefOf } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { tableCall } from '../../data/table-calls.js';
import { useQuery } from '../../data/use-query.js';
import { ActionButton } from '../../parts/action-button.js';
import { Loaded } from '../../parts/loaded.js';
import { ScheduleForm } from '../../parts/schedule/schedule-form.js';
import { Skeleton } from '../../parts/skeleton.js';
import { ChangeForm } from './change-form.js';
import { SettingFacts } from './setting-facts.js';
import { settingsTexts } from './settings-texts.js';
import type { TableTabProps } from './tab-props.js';
import { tableTexts } from './texts.js';

/** When a table is synced, what of, and how; all of it can be changed while it is synced. */
export function Tab({ table }: TableTabProps) {
  const query = useQuery<TableSettings>(tableCall(table, 'settings'), { hints: [`table:${table.table_id}`] });
  const isChanging = usePlace().query.get('change') === '1' && table.may.manage;
  const [askedFor, setAskedFor] = useState<string | null>(null);
  const close = () => setQuery({ change: null });
  return (
    <>
      <h2>{settingsTexts.options}</h2>
      <p role="status">
        {askedFor !== null && (
          <>
            {settingsTexts.asked(askedFor)}{' '}
            <a href={hrefOf(`/tables/${encodeURIComponent(table.name)}/updates/${askedFor}`)}>
              {tableTexts.acts.seeUpdate}
            </a>
          </>
        )}
      </p>
      <Loaded query={query} what={settingsTexts.what} skeleton={<Skeleton rows={4} />}>
        {(settings) =>
          isChanging ? (
            <ChangeForm
              table={table}
              settings={settings}
              onClose={close}
              onAsked={(id) => {
                setAskedFor(id);
                close();
              }}
            />
          ) : (
            <>
              <SettingFacts table={table} settings={settings} />
              <p class="page-actions">
                <ActionButton
                  refusal={table.may.manage ? null : settingsTexts.changeRefused}
                  onClick={() => setQuery({ change: '1' })}
                >
                  {settingsTexts.change}
                </ActionButton>
              </p>
            </>
          )
        }
      </Loaded>
      <h2 class="settings-part">{settingsTexts.schedule}</h2>
      <ScheduleForm
        table={table.name}
        sqlName={table.sql_name}
        instance={table.instance}
        database={table.database}
        maySet={table.may.schedule}
      />
    </>
  );
}
