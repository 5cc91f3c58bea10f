import { useState } from 'preact/hooks';
import type { PipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf } from '../../app/places.js';
import { syncPipeline } from '../../data/pipeline-acts.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { Breakable } from '../../parts/breakable.js';
import { cronWords } from '../../parts/schedule/cron-words.js';
import { Ago } from '../../parts/time.js';
import { policyWord } from '../../words/conditions.js';
import { updatesTexts } from '../table/updates-texts.js';
import { pipelineRefusal } from './pipeline-actions.js';
import { PipelineState } from './pipeline-state.js';
import { pipelinesTexts } from './texts.js';

const UPDATE_STATES: Readonly<Record<string, string>> = updatesTexts.states;

/** A pipeline: a row, or a card where there is little room; it can be synced from here. */
export function PipelineRow({ pipeline }: { readonly pipeline: PipelineReply }) {
  const { schedule, last_update: last } = pipeline;
  const act = useAct();
  const [begun, setBegun] = useState<string | null>(null);
  const sync = () => void act.run(async () => setBegun(await syncPipeline(pipeline, false)));
  return (
    <tr>
      <td>
        <PipelineState state={pipeline.state} />
      </td>
      <td class="cell-name">
        <a href={hrefOf(`/pipelines/${pipeline.pipeline_id}`)}>
          <Breakable text={pipeline.name} />
        </a>
        {pipeline.kind === 'FLOWS' && <span class="chip">{pipelinesTexts.kinds.FLOWS}</span>}
      </td>
      <td class="cell-mode" title={pipeline.scheduling_policy}>
        {policyWord(pipeline.scheduling_policy)}
      </td>
      <td class="cell-count">{pipelinesTexts.tables(pipeline.tables.length + pipeline.hidden_tables)}</td>
      <td>
        <span class="card-word">{pipelinesTexts.columns.next} </span>
        {schedule === null ? (
          <span class="quiet">{pipelinesTexts.none}</span>
        ) : (
          <span title={schedule.cron}>
            {schedule.next_run_at === null ? (schedule.message ?? '') : <Ago time={schedule.next_run_at} />}
            <span class="quiet line">{cronWords(schedule.cron)}</span>
          </span>
        )}
      </td>
      <td>
        <span class="card-word">{pipelinesTexts.columns.result} </span>
        {last === null ? (
          <span class="quiet">{pipelinesTexts.never}</span>
        ) : (
          <>
            {last.error_code !== null && last.state === 'FAILED' ? (
              <a href={hrefOf(`/errors/${last.error_code}`)}>{last.error_code}</a>
            ) : (
              (UPDATE_STATES[last.state] ?? '')
            )}{' '}
            <Ago time={last.finished_at ?? last.created_at} />
          </>
        )}
      </td>
      <td>
        <ActionButton isBusy={act.isBusy} refusal={pipelineRefusal(pipeline)} onClick={sync}>
          {pipelinesTexts.sync}
          <span class="hidden"> {pipeline.name}</span>
        </ActionButton>
        <span role="status" class="line quiet">
          {begun !== null && pipelinesTexts.acts.queued(begun)}
        </span>
        <ActError error={act.error} />
      </td>
    </tr>
  );
}
