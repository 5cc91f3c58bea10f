import { useEffect, useId, useState } from 'preact/hooks';
import type { SchedulePreviewReply, ScheduleReply } from '../../../api/native/tables/schedule-schema.js';
import { refetch } from '../../data/query-cache.js';
import { call } from '../../data/request.js';
import { tablePath } from '../../data/tables.js';
import { useAct } from '../../data/use-act.js';
import { useQuery } from '../../data/use-query.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { scheduleSnippets, unscheduleSnippets } from '../../words/act-snippets.js';
import { ActError } from '../act-error.js';
import { ActionButton } from '../action-button.js';
import { ActsElsewhere } from '../acts-elsewhere.js';
import { Loaded } from '../loaded.js';
import { Skeleton } from '../skeleton.js';
import { Ago } from '../time.js';
import { cronWords } from './cron-words.js';
import { IntervalForm } from './interval-form.js';
import { NextRuns } from './next-runs.js';
import { scheduleTexts } from './texts.js';
import './schedule.css';

interface ScheduleFormProps {
  /** Any table of the pipeline, by its three-part name. */
  readonly table: string;
  /** As the SQL functions take it. */
  readonly sqlName: string;
  readonly instance: string;
  readonly database: string;
  readonly maySet: boolean;
}

/** When a pipeline is updated, and how often it looks while it follows its sources. */
export function ScheduleForm(props: ScheduleFormProps) {
  const base = tablePath(props.table);
  const query = useQuery<ScheduleReply>(`${base}/schedule?instance=${encodeURIComponent(props.instance)}`, {
    hints: ['table:'],
  });
  return (
    <Loaded query={query} what={scheduleTexts.what} skeleton={<Skeleton rows={4} />}>
      {(reply) =>
        reply.scheduling_policy === 'CONTINUOUS' ? (
          <>
            <p>{scheduleTexts.continuous}</p>
            <IntervalForm {...props} reply={reply} />
          </>
        ) : (
          <Form {...props} reply={reply} />
        )
      }
    </Loaded>
  );
}

const PAUSE_MS = 300;

function Form({
  table,
  sqlName,
  instance,
  database,
  maySet,
  reply,
}: ScheduleFormProps & { readonly reply: ScheduleReply }) {
  const id = useId();
  const { schedule } = reply;
  const [cron, setCron] = useState(schedule?.cron ?? '');
  const [zone, setZone] = useState(schedule?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const preview = usePreview(cron, zone);
  const act = useAct();
  const refusal = maySet ? null : scheduleTexts.refused;
  const path = `${tablePath(table)}/schedule?instance=${encodeURIComponent(instance)}`;
  const body = { cron, time_zone: zone };
  const place = useSnippetPlace({ instance, database });
  const named = { name: table, sql_name: sqlName };
  const save = (work: () => Promise<unknown>) =>
    act.run(work).then((isDone) => isDone && refetch(tablePath(table), '/api/2.0/synced-tables/pipelines'));
  return (
    <form
      class="schedule"
      onSubmit={(event) => {
        event.preventDefault();
        if (refusal === null) void save(() => call(path, { method: 'PUT', body }));
      }}
    >
      {schedule === null ? (
        <p>{scheduleTexts.none}</p>
      ) : (
        <p>
          {scheduleTexts.runs} {cronWords(schedule.cron)}, {schedule.time_zone},{' '}
          {scheduleTexts.setBy(schedule.created_by)}. {schedule.message}
          {schedule.message === null && schedule.next_run_at === null && scheduleTexts.waits}
          {schedule.next_run_at !== null && (
            <>
              {scheduleTexts.nextRun} <Ago time={schedule.next_run_at} />.
            </>
          )}
        </p>
      )}
      <label for={`${id}cron`}>{scheduleTexts.cron}</label>
      <input
        id={`${id}cron`}
        type="text"
        required
        placeholder="0 9 * * MON-FRI"
        aria-describedby={`${id}help ${id}preview`}
        value={cron}
        onInput={({ currentTarget }) => setCron(currentTarget.value)}
      />
      <p id={`${id}help`} class="quiet">
        {scheduleTexts.cronHelp}
      </p>
      <label for={`${id}zone`}>{scheduleTexts.zone}</label>
      <input
        id={`${id}zone`}
        type="text"
        list={`${id}zones`}
        value={zone}
        onInput={({ currentTarget }) => setZone(currentTarget.value)}
      />
      <datalist id={`${id}zones`}>
        {Intl.supportedValuesOf('timeZone').map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div id={`${id}preview`} aria-live="polite">
        {preview && cron !== '' && <NextRuns preview={preview} words={cronWords(cron)} />}
      </div>
      <ActError error={act.error} />
      <p class="page-actions">
        <ActionButton
          isPrimary
          isBusy={act.isBusy}
          refusal={refusal}
          onClick={() => void save(() => call(path, { method: 'PUT', body }))}
        >
          {scheduleTexts.set}
        </ActionButton>
        {schedule !== null && (
          <ActionButton refusal={refusal} onClick={() => void save(() => call(path, { method: 'DELETE' }))}>
            {scheduleTexts.remove}
          </ActionButton>
        )}
      </p>
      <ActsElsewhere
        acts={[
          { word: scheduleTexts.set, snippets: scheduleSnippets(place, named, { cron, zone }) },
          ...(schedule === null ? [] : [{ word: scheduleTexts.remove, snippets: unscheduleSnippets(place, named) }]),
        ]}
      />
    </form>
  );
}

/** When it would run, or what is wrong with it; asked a moment after each change. */
function usePreview(cron: string, zone: string): SchedulePreviewReply | null {
  const [preview, setPreview] = useState<SchedulePreviewReply | null>(null);
  useEffect(() => {
    if (cron.trim() === '') {
      setPreview(null);
      return;
    }
    const stopped = new AbortController();
    const timer = setTimeout(() => {
      const body = { cron, time_zone: zone };
      call<SchedulePreviewReply>('/api/2.0/synced-tables/schedule-preview', {
        method: 'POST',
        body,
        signal: stopped.signal,
      }).then(
        setPreview,
        // What is wrong with a request that failed is told when it is sent for good.
        () => setPreview(null),
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stopped.abort();
    };
  }, [cron, zone]);
  return preview;
}
