import type { PipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf } from '../../app/places.js';
import { Ago } from '../../parts/time.js';
import { pipelinesTexts } from './texts.js';

type Update = NonNullable<PipelineReply['last_update']>;

/** One update in a sentence: why it runs or ran, since when, and what became of it. */
export function UpdateText({ update }: { readonly update: Update }) {
  const causes: Readonly<Record<string, string>> = pipelinesTexts.causes;
  const cause = causes[update.cause] ?? update.cause;
  const isWaiting = update.state === 'QUEUED';
  const isOver = update.finished_at !== null;
  return (
    <>
      <p>
        {update.mode === 'CONTINUOUS' ? pipelinesTexts.follows : pipelinesTexts.updateOf(cause)}
        {update.full_refresh && `, ${pipelinesTexts.full.toLowerCase()}`},{' '}
        {isOver ? (
          <Ago time={update.finished_at ?? update.created_at} />
        ) : (
          <>
            {isWaiting ? pipelinesTexts.waitsSince : pipelinesTexts.started}{' '}
            <Ago time={update.started_at ?? update.created_at} />
          </>
        )}
        {update.next_attempt_at !== null && !isOver && (
          <>
            , {pipelinesTexts.retry} <Ago time={update.next_attempt_at} />
          </>
        )}
        {update.attempt > 1 && `, ${pipelinesTexts.attempt(update.attempt)}`}
      </p>
      {update.message !== null && (
        <p>
          {update.message}{' '}
          {update.error_code && <a href={hrefOf(`/errors/${update.error_code}`)}>{update.error_code}</a>}
        </p>
      )}
    </>
  );
}
