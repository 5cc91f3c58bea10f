import { useState } from 'preact/hooks';
import { hrefOf } from '../../app/places.js';
import { navigate, setQuery, usePlace } from '../../app/router.js';
import { useMe } from '../../data/me.js';
import { useTableList } from '../../data/tables.js';
import { ActionButton } from '../../parts/action-button.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { FilterBar } from './filter-bar.js';
import { GroupFilters } from './group-filters.js';
import { ROWS_AT_FIRST, readListQuery, rowsQuery } from './list-query.js';
import { TableList } from './table-list.js';
import { tablesTexts } from './texts.js';
import './tables.css';

/** All synced and streaming tables, with what needs looking after first. */
export function Screen() {
  const { query } = usePlace();
  const [size, setSize] = useState(ROWS_AT_FIRST);
  const { data: me } = useMe();
  const list = useTableList(rowsQuery(query, size), readListQuery(query, ROWS_AT_FIRST).toString());
  const refusal = me && !me.may.create ? tablesTexts.createRefused : null;
  return (
    <Page
      title={tablesTexts.title}
      actions={
        refusal === null ? (
          <a class="button primary" href={hrefOf('/create')}>
            {tablesTexts.create}
          </a>
        ) : (
          <ActionButton refusal={refusal} onClick={() => navigate('/create')}>
            {tablesTexts.create}
          </ActionButton>
        )
      }
    >
      <FilterBar query={query} me={me ?? null} onChange={setQuery} />
      <Loaded query={list} what={tablesTexts.what} skeleton={<Skeleton rows={8} tall />}>
        {(reply) => (
          <>
            <GroupFilters counts={reply.counts} chosen={query.get('group')} />
            <TableList
              reply={reply}
              query={query}
              me={me ?? null}
              onMore={() => setSize(size + ROWS_AT_FIRST)}
              page={ROWS_AT_FIRST}
            />
          </>
        )}
      </Loaded>
    </Page>
  );
}
