import type { SchedulePreviewReply } from '../../../api/native/tables/schedule-schema.js';
import { localTime } from '../../words/times.js';
import { scheduleTexts } from './texts.js';

/** The next runs of a schedule, in its time zone, or what is wrong with it. */
export function NextRuns({ preview, words }: { readonly preview: SchedulePreviewReply; readonly words: string }) {
  if (preview.problem) {
    return (
      <p class="box box-warn">
        {preview.problem.message} {preview.problem.remedy}
      </p>
    );
  }
  return (
    <>
      <h3>
        {scheduleTexts.next}: {words}
      </h3>
      <ol class="next-runs">
        {preview.next_runs.map(({ at, local, is_clock_change: isClockChange }) => (
          <li key={at}>
            <time dateTime={at}>{localTime(local)}</time>
            {isClockChange && <span class="quiet"> {scheduleTexts.clockChange}</span>}
          </li>
        ))}
      </ol>
    </>
  );
}
