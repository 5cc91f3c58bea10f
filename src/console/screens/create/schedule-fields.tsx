import { useEffect, useState } from 'preact/hooks';
import { call, RequestError } from '../../data/request.js';
import { localTime } from '../../words/times.js';
import type { Draft } from './draft.js';
import { type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.schedule;
const CRONS = { none: '', hourly: '0 * * * *', daily: '0 3 * * *' } as const;
const PAUSE_MS = 400;

interface SchedulePreview {
  readonly problem: { readonly message: string; readonly remedy: string } | null;
  readonly next_runs: readonly { readonly at: string; readonly local: string }[];
}

interface ScheduleFieldsProps {
  readonly draft: Draft;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** When the pipeline is run, with its next runs. */
export function ScheduleFields({ draft, errors, change }: ScheduleFieldsProps) {
  const known = (Object.keys(CRONS) as (keyof typeof CRONS)[]).find((name) => CRONS[name] === draft.cron);
  const [isCustom, setCustom] = useState(known === undefined);
  if (draft.policy === 'CONTINUOUS') {
    return (
      <FieldGroup legend={texts.legend} fields={['schedule']} errors={errors}>
        <p>{texts.continuous}</p>
      </FieldGroup>
    );
  }
  const choice = isCustom ? 'custom' : (known ?? 'custom');
  return (
    <FieldGroup legend={texts.legend} fields={['schedule', 'schedule.cron', 'schedule.time_zone']} errors={errors}>
      <div class="create-row">
        <label class="create-field">
          <span>{texts.label}</span>
          <select
            value={choice}
            onChange={(event) => {
              const next = event.currentTarget.value as keyof typeof texts.choices;
              setCustom(next === 'custom');
              if (next !== 'custom') change({ cron: CRONS[next], ...(next === 'none' ? { zone: '' } : zoneOf(draft)) });
            }}
          >
            {Object.entries(texts.choices).map(([name, word]) => (
              <option key={name} value={name}>
                {word}
              </option>
            ))}
          </select>
        </label>
        {choice === 'custom' && (
          <label class="create-field">
            <span>{texts.cron}</span>
            <input
              type="text"
              value={draft.cron}
              placeholder="0 9 * * MON-FRI"
              onInput={(event) => change({ cron: event.currentTarget.value, ...zoneOf(draft) })}
            />
          </label>
        )}
        {(draft.cron !== '' || choice === 'custom') && (
          <label class="create-field">
            <span>{texts.zone}</span>
            <input type="text" value={draft.zone} onInput={(event) => change({ zone: event.currentTarget.value })} />
          </label>
        )}
      </div>
      {draft.cron !== '' && <NextRuns cron={draft.cron} zone={draft.zone} />}
    </FieldGroup>
  );
}

/** The zone of the browser, until somebody has chosen another one. */
function zoneOf({ zone }: Draft): Partial<Draft> {
  return zone === '' ? { zone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC' } : {};
}

function NextRuns({ cron, zone }: { readonly cron: string; readonly zone: string }) {
  const [runs, setRuns] = useState<SchedulePreview | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    const running = new AbortController();
    const ask = async () => {
      try {
        const body = { cron, ...(zone === '' ? {} : { time_zone: zone }) };
        const path = '/api/2.0/synced-tables/schedule-preview';
        setRuns(await call<SchedulePreview>(path, { method: 'POST', body, signal: running.signal }));
        setFailure(null);
      } catch (error) {
        if (running.signal.aborted) return;
        setFailure(error instanceof RequestError ? error.message : String(error));
      }
    };
    const timer = setTimeout(() => void ask(), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      running.abort();
    };
  }, [cron, zone]);
  if (failure) return <p class="field-error">{failure}</p>;
  if (runs === null) return null;
  if (runs.problem) {
    return (
      <p class="field-error">
        {runs.problem.message} {runs.problem.remedy}
      </p>
    );
  }
  return (
    <>
      <p class="quiet">{texts.next}</p>
      <ul class="next-runs">
        {runs.next_runs.map(({ at, local }) => (
          <li key={at}>
            <time dateTime={at}>{localTime(local)}</time>
          </li>
        ))}
      </ul>
    </>
  );
}
