import { useId, useState } from 'preact/hooks';
import type { ScheduleReply } from '../../../api/native/tables/schedule-schema.js';
import { refetch } from '../../data/query-cache.js';
import { call } from '../../data/request.js';
import { tablePath } from '../../data/tables.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { intervalSnippets } from '../../words/act-snippets.js';
import { numberText } from '../../words/numbers.js';
import { ActError } from '../act-error.js';
import { ActionButton } from '../action-button.js';
import { ActsElsewhere } from '../acts-elsewhere.js';
import { scheduleTexts } from './texts.js';

interface IntervalFormProps {
  readonly table: string;
  readonly sqlName: string;
  readonly instance: string;
  readonly database: string;
  readonly maySet: boolean;
  readonly reply: ScheduleReply;
}

/** How often a continuous pipeline looks for changes; empty for the default. */
export function IntervalForm({ table, sqlName, instance, database, maySet, reply }: IntervalFormProps) {
  const id = useId();
  const [text, setText] = useState(String(reply.trigger_interval_ms ?? ''));
  const act = useAct();
  const place = useSnippetPlace({ instance, database });
  const ms = text === '' ? null : Number(text);
  const save = () =>
    act
      .run(() =>
        call(`${tablePath(table)}/trigger-interval?instance=${encodeURIComponent(instance)}`, {
          method: 'PUT',
          body: { trigger_interval_ms: ms },
        }),
      )
      .then((isDone) => isDone && refetch(tablePath(table)));
  return (
    <form
      class="schedule"
      onSubmit={(event) => {
        event.preventDefault();
        if (maySet) void save();
      }}
    >
      <label for={id}>{scheduleTexts.interval}</label>
      <input
        id={id}
        type="number"
        min={10}
        max={3_600_000}
        aria-describedby={`${id}help`}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <p id={`${id}help`} class="quiet">
        {scheduleTexts.intervalHelp(numberText(reply.default_trigger_interval_ms))}
      </p>
      <ActError error={act.error} />
      <ActionButton isBusy={act.isBusy} refusal={maySet ? null : scheduleTexts.refused} onClick={() => void save()}>
        {scheduleTexts.setInterval}
      </ActionButton>
      <ActsElsewhere
        acts={[
          {
            word: scheduleTexts.setInterval,
            snippets: intervalSnippets(place, { name: table, sql_name: sqlName }, ms),
          },
        ]}
      />
    </form>
  );
}
