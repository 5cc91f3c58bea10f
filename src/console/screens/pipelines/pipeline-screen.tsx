import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import type { ScreenProps } from '../../app/screen-props.js';
import { useQuery } from '../../data/use-query.js';
import { EventList } from '../../parts/event-list/event-list.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { ScheduleForm } from '../../parts/schedule/schedule-form.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Tabs } from '../../parts/tabs.js';
import { PipelineHead } from './pipeline-head.js';
import { PipelineMembers } from './pipeline-members.js';
import { PipelineSql } from './pipeline-sql.js';
import { PipelineUpdates } from './pipeline-updates.js';
import { pipelinesTexts } from './texts.js';
import './pipelines.css';

/** One pipeline: its head, and below it the tab of the address. */
export function Screen({ params }: ScreenProps) {
  const { id = '', tab = '' } = params;
  const query = useQuery<OnePipelineReply>(`/api/2.0/synced-tables/pipelines/${encodeURIComponent(id)}`, {
    hints: ['table:', 'pipeline'],
    isBusy: ({ state }) => state === 'WORKING' || state === 'WAITING',
  });
  return (
    <Page title={query.data?.name ?? pipelinesTexts.title}>
      <Loaded query={query} what={pipelinesTexts.whatOne} skeleton={<Skeleton rows={3} tall />}>
        {(pipeline) => <Content pipeline={pipeline} tab={tab} onChanged={query.refetch} />}
      </Loaded>
    </Page>
  );
}

interface ContentProps {
  readonly pipeline: OnePipelineReply;
  readonly tab: string;
  readonly onChanged: () => void;
}

function Content({ pipeline, tab, onChanged }: ContentProps) {
  const base = `/pipelines/${pipeline.pipeline_id}`;
  const [first] = pipeline.tables;
  const { tabs } = pipelinesTexts;
  const shown = [
    { path: base, word: tabs.tables },
    { path: `${base}/updates`, word: tabs.updates },
    { path: `${base}/events`, word: tabs.events },
    ...(first ? [{ path: `${base}/schedule`, word: tabs.schedule }] : []),
    ...(pipeline.kind === 'FLOWS' ? [{ path: `${base}/sql`, word: tabs.sql }] : []),
  ];
  return (
    <>
      <PipelineHead pipeline={pipeline} onChanged={onChanged} />
      <Tabs label={pipelinesTexts.tabsLabel} current={tab === '' ? base : `${base}/${tab}`} tabs={shown} />
      {tab === '' && <PipelineMembers pipeline={pipeline} />}
      {tab === 'updates' && <PipelineUpdates pipeline={pipeline} />}
      {tab === 'events' && <EventList fixed={{ pipeline: pipeline.pipeline_id }} />}
      {tab === 'schedule' && first && (
        <ScheduleForm
          table={first.name}
          sqlName={first.synced_table}
          instance={pipeline.instance}
          database={pipeline.database}
          maySet={pipeline.may.operate}
        />
      )}
      {tab === 'sql' && <PipelineSql pipeline={pipeline} />}
    </>
  );
}
