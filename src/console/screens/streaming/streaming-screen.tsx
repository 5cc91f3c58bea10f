import type { StreamingTableReply } from '../../../api/native/streaming/streaming-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { usePlace } from '../../app/router.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { useTable } from '../../data/tables.js';
import { useQuery } from '../../data/use-query.js';
import { EventList } from '../../parts/event-list/event-list.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Tabs } from '../../parts/tabs.js';
import { HistoryBox } from '../table/history-box.js';
import { ProblemBox } from '../table/problem-box.js';
import { RowsOf } from '../table/rows-tab.js';
import { FlowList } from './flow-list.js';
import { StreamingCode } from './streaming-code.js';
import { StreamingHead } from './streaming-head.js';
import { streamingTexts } from './texts.js';
import './streaming.css';

/** Codes of a declaration that no longer fits the rows that were made with an earlier one. */
const DRIFT = 'AUTOCDC_INVALID_STATE';

/** A streaming table: what its flows made of their events. */
export function Screen({ params }: ScreenProps) {
  const { name = '', tab = '' } = params;
  const instance = usePlace().query.get('instance');
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  const path = `/api/2.0/synced-tables/streaming-tables/${encodeURIComponent(name)}${query}`;
  const details = useQuery<StreamingTableReply>(path, { hints: ['table:'] });
  const summary = useTable(name, instance);
  return (
    <Page title={name}>
      <Loaded query={details} what={streamingTexts.what(name)} skeleton={<Skeleton rows={3} tall />}>
        {(table) => (
          <Content table={table} summary={summary.data ?? null} tab={tab} query={query} onChanged={details.refetch} />
        )}
      </Loaded>
    </Page>
  );
}

interface ContentProps {
  readonly table: StreamingTableReply;
  readonly summary: TableSummary | null;
  readonly tab: string;
  readonly query: string;
  readonly onChanged: () => void;
}

function Content({ table, summary, tab, query, onChanged }: ContentProps) {
  const base = `/streaming/${encodeURIComponent(table.name)}`;
  const { tabs } = streamingTexts;
  const pathOf = (part: string) => `${base}${part === '' ? '' : `/${part}`}${query}`;
  const shown = [
    { path: pathOf(''), word: tabs.flows },
    { path: pathOf('events'), word: tabs.events },
    { path: pathOf('rows'), word: tabs.rows },
    { path: pathOf('code'), word: tabs.code },
  ];
  return (
    <>
      <StreamingHead table={table} summary={summary} onChanged={onChanged} />
      {summary?.error && <ProblemBox table={summary} error={summary.error} />}
      {summary?.error?.code.startsWith(DRIFT) && <p class="note">{streamingTexts.drift}</p>}
      <Tabs label={streamingTexts.tabsLabel} current={pathOf(tab === 'flows' ? '' : tab)} tabs={shown} />
      {(tab === '' || tab === 'flows') && (
        <>
          <FlowList table={table} />
          {summary?.is_readable && <HistoryBox table={summary} />}
        </>
      )}
      {tab === 'events' && <EventList fixed={{ table: table.name, instance: table.instance }} />}
      {tab === 'rows' && summary && (
        <RowsOf table={{ ...summary, key_columns: table.keys }} hasHistory={table.scd_type === 2} />
      )}
      {tab === 'code' && <StreamingCode table={table} />}
    </>
  );
}
