import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { refetch } from '../../data/query-cache.js';
import { call } from '../../data/request.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Fact } from '../../parts/facts.js';
import { cronWords } from '../../parts/schedule/cron-words.js';
import { Ago } from '../../parts/time.js';
import { policyWord } from '../../words/conditions.js';
import { numberText } from '../../words/numbers.js';
import { curlText, quoteLiteral } from '../../words/quoting.js';
import { PipelineState } from './pipeline-state.js';
import { pipelinesTexts } from './texts.js';
import { UpdateText } from './update-text.js';

const { facts } = pipelinesTexts;

/** State, what can be done, and the facts that people look for first. */
export function PipelineHead({
  pipeline,
  onChanged,
}: {
  readonly pipeline: OnePipelineReply;
  readonly onChanged: () => void;
}) {
  const act = useAct();
  const refusal = refusalOf(pipeline);
  const path = `/api/2.0/synced-tables/pipelines/${pipeline.pipeline_id}`;
  const isPaused = pipeline.state === 'PAUSED';
  const verb = isPaused ? 'resume' : 'pause';
  const doIt = (work: () => Promise<unknown>) =>
    void act.run(work).then(() => {
      refetch('/api/2.0/synced-tables/tables', '/api/2.0/synced-tables/pipelines');
      onChanged();
    });
  return (
    <>
      <div class="page-head">
        <p>
          <PipelineState state={pipeline.state} />
        </p>
        <div class="page-actions">
          <ActionButton isPrimary isBusy={act.isBusy} refusal={refusal} onClick={() => doIt(() => syncNow(pipeline))}>
            {pipelinesTexts.sync}
          </ActionButton>
          <ActionButton refusal={refusal} onClick={() => doIt(() => call(`${path}/${verb}`, { method: 'POST' }))}>
            {isPaused ? pipelinesTexts.resume : pipelinesTexts.pause}
          </ActionButton>
        </div>
      </div>
      <ActError error={act.error} />
      {pipeline.active_update && (
        <section class="box" aria-labelledby="now">
          <h2 id="now">{pipelinesTexts.now}</h2>
          <UpdateText update={pipeline.active_update} />
        </section>
      )}
      {pipeline.last_update && (
        <section class={`box ${pipeline.last_update.state === 'FAILED' ? 'box-fail' : ''}`} aria-labelledby="last">
          <h2 id="last">{pipelinesTexts.last}</h2>
          <UpdateText update={pipeline.last_update} />
        </section>
      )}
      <dl class="facts">
        <Fact name={facts.mode} title={pipeline.scheduling_policy}>
          {policyWord(pipeline.scheduling_policy)}
        </Fact>
        <Fact name={facts.schedule}>
          {pipeline.schedule === null ? (
            pipelinesTexts.noSchedule
          ) : (
            <>
              {cronWords(pipeline.schedule.cron)}, {pipeline.schedule.time_zone}
              {pipeline.schedule.next_run_at && (
                <>
                  , <Ago time={pipeline.schedule.next_run_at} />
                </>
              )}
            </>
          )}
        </Fact>
        <Fact name={facts.publish}>{pipelinesTexts.publish[pipeline.publish]}</Fact>
        <Fact name={facts.worker}>
          {pipeline.runs_in_program ? pipelinesTexts.program : pipelinesTexts.workedOn[pipeline.worked_on_by]}
        </Fact>
        {pipeline.scheduling_policy === 'CONTINUOUS' && (
          <Fact name={facts.interval}>
            {pipeline.trigger_interval_ms === null
              ? pipelinesTexts.defaultInterval
              : pipelinesTexts.milliseconds(numberText(pipeline.trigger_interval_ms))}
          </Fact>
        )}
        {pipeline.paused_at !== null && (
          <Fact name={facts.paused}>
            <Ago time={pipeline.paused_at} /> {pipelinesTexts.by(pipeline.paused_by ?? '')}
          </Fact>
        )}
        <Fact name={facts.place}>
          <a href={hrefOf('/databases')}>{`${pipeline.instance}/${pipeline.database}`}</a>
        </Fact>
        <Fact name={facts.created}>
          <Ago time={pipeline.created_at} /> {pipelinesTexts.by(pipeline.created_by)}
        </Fact>
      </dl>
      <details class="page-elsewhere">
        <summary>{pipelinesTexts.elsewhere}</summary>
        <CopyAs
          what={pipelinesTexts.thisPage}
          snippets={{
            SQL: `SELECT synced_tables.start_update(${quoteLiteral(pipeline.pipeline_id)});\nSELECT synced_tables.${verb}_pipeline(${quoteLiteral(pipeline.pipeline_id)});`,
            curl: curlText(serverUrl, 'POST', `${path}/${verb}`),
            Python: `from databricks.sdk import WorkspaceClient\n\nWorkspaceClient().pipelines.start_update(${JSON.stringify(pipeline.pipeline_id)})`,
          }}
        />
      </details>
    </>
  );
}

/** Why the caller may not operate it; null if they may. */
function refusalOf({ may, tables, hidden_tables: hidden }: OnePipelineReply): string | null {
  if (may.operate) return null;
  const lacking = tables.filter((table) => !table.may_sync).map(({ name }) => name);
  return hidden > 0 && lacking.length === 0 ? pipelinesTexts.refusedHidden : pipelinesTexts.refused(lacking.join(', '));
}

/** Of synced tables also while they are followed; flows have the call of the pipelines service only. */
function syncNow({ kind, pipeline_id: id, tables, instance }: OnePipelineReply): Promise<unknown> {
  const [first] = tables;
  if (kind === 'FLOWS' || !first) return call(`/api/2.0/pipelines/${id}/updates`, { method: 'POST', body: {} });
  const path = `/api/2.0/synced-tables/tables/${encodeURIComponent(first.name)}/sync?instance=${encodeURIComponent(instance)}`;
  return call(path, { method: 'POST', body: { scope: 'pipeline' } });
}
