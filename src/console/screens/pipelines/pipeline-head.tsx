import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf } from '../../app/places.js';
import { Fact } from '../../parts/facts.js';
import { cronWords } from '../../parts/schedule/cron-words.js';
import { Ago } from '../../parts/time.js';
import { policyWord } from '../../words/conditions.js';
import { numberText } from '../../words/numbers.js';
import { PipelineActions } from './pipeline-actions.js';
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
  return (
    <>
      <PipelineActions pipeline={pipeline} onChanged={onChanged} />
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
    </>
  );
}
