import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { hrefOf } from '../../app/places.js';
import { ErrorBox } from '../../parts/error-box.js';
import { Icon } from '../../parts/icon.js';
import { Progress } from '../../parts/progress.js';
import type { Draft } from './draft.js';
import { type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';
import type { Preview } from './use-preview.js';

const texts = createTexts.key;

interface KeyFieldsProps {
  readonly draft: Draft;
  readonly preview: Preview;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** The primary key, what may be one, and what a look at the rows says of it. */
export function KeyFields({ draft, preview, errors, change }: KeyFieldsProps) {
  const { reply } = preview;
  const possible = (reply?.source.columns ?? []).filter((column) => column.can_be_key).map(({ name }) => name);
  const left = possible.filter((name) => !draft.key.includes(name));
  const proposed = isKeyWanted(draft, reply)
    ? (reply?.likely_keys ?? []).filter((name) => !draft.key.includes(name))
    : [];
  const add = (name: string) => change({ key: [...draft.key, name] });
  return (
    <FieldGroup legend={texts.legend} fields={['primary_key_columns', 'timeseries_key']} errors={errors}>
      <p class="quiet">{texts.hint}</p>
      <ul class="chips">
        {draft.key.map((column) => (
          <li key={column}>
            <button
              type="button"
              aria-label={texts.remove(column)}
              onClick={() => change({ key: draft.key.filter((name) => name !== column) })}
            >
              {column}
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <label class="create-field">
        <span>{texts.add}</span>
        <select
          value=""
          onChange={(event) => {
            if (event.currentTarget.value !== '') add(event.currentTarget.value);
            event.currentTarget.value = '';
          }}
        >
          <option value="" />
          {left.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {proposed.length > 0 && (
        <p class="proposals">
          {reply?.rows?.key_candidates ? texts.candidates : texts.likely}
          {proposed.map((name) => (
            <button key={name} type="button" onClick={() => change({ key: [name] })}>
              {name}
            </button>
          ))}
        </p>
      )}
      {reply?.source.declared_key && <p>{texts.declared}</p>}
      <label class="create-field">
        <span>{texts.timeseries}</span>
        <select value={draft.timeseries} onChange={(event) => change({ timeseries: event.currentTarget.value })}>
          <option value="">{texts.none}</option>
          {possible
            .filter((name) => !draft.key.includes(name))
            .map((name) => (
              <option key={name}>{name}</option>
            ))}
        </select>
      </label>
      {reply && <KeyCheck preview={preview} reply={reply} />}
    </FieldGroup>
  );
}

/** Whether there is none yet, or one that its rows refuse: other columns would only puzzle whoever has chosen. */
function isKeyWanted({ key }: Draft, reply: PreviewReply | null): boolean {
  const found = reply?.rows?.primary_key ?? null;
  return key.length === 0 || (found !== null && (Number(found.duplicate_keys) > 0 || Number(found.rows_with_null) > 0));
}

function KeyCheck({ preview, reply }: { readonly preview: Preview; readonly reply: PreviewReply }) {
  const { job, checkKey } = preview;
  const done = job.reply?.steps_done ?? 0;
  const total = job.reply?.steps_total ?? null;
  if (job.isRunning) {
    return (
      <div class="key-check" role="status">
        <Progress completion={total === null ? null : done / total} text={texts.checking(done, total)} />
        <button type="button" onClick={job.cancel}>
          {texts.cancel}
        </button>
      </div>
    );
  }
  const key = reply.rows?.primary_key ?? null;
  const failure = job.reply?.failure ?? null;
  return (
    <div class="key-check">
      <button type="button" onClick={checkKey}>
        <Icon name="search" />
        {texts.check(reply.source.row_count)}
      </button>
      {job.error && <ErrorBox error={job.error} what={createTexts.what} onRetry={checkKey} />}
      {failure && (
        <p role="alert">
          {failure.message} <a href={hrefOf(`/errors/${failure.error_code}`)}>{failure.error_code}</a>
        </p>
      )}
      {key && (
        <p role="status">{texts.result(texts.duplicates(key.duplicate_keys), texts.nulls(key.rows_with_null))}</p>
      )}
      {reply.rows !== null && reply.rows.key_candidates === null && <p>{texts.unknown}</p>}
    </div>
  );
}
