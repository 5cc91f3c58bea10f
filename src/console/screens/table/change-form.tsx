import '../create/create.css';
import { useState } from 'preact/hooks';
import type { TableSettings } from '../../../api/native/tables/alter-table-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { changeTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { ActionButton } from '../../parts/action-button.js';
import { CopyAs } from '../../parts/copy-as.js';
import { ErrorBox } from '../../parts/error-box.js';
import { alterSnippets, type TableChange } from '../../words/alter-snippets.js';
import { sizeText } from '../../words/numbers.js';
import { ChoiceFields } from '../create/choice-fields.js';
import type { Draft } from '../create/draft.js';
import { FieldGroup } from '../create/field.js';
import { KeyFields } from '../create/key-fields.js';
import { ModeFields } from '../create/mode-fields.js';
import { OptionFields } from '../create/option-fields.js';
import { usePreview } from '../create/use-preview.js';
import { changeOf, costOf, draftOf } from './change-draft.js';
import { changeTexts } from './settings-texts.js';
import { tableTexts } from './texts.js';

interface ChangeFormProps {
  readonly table: TableSummary;
  readonly settings: TableSettings;
  readonly onAsked: (updateId: string) => void;
  readonly onClose: () => void;
}

/** The settings of a table to be changed, what the change takes, and the same elsewhere. */
export function ChangeForm({ table, settings, onAsked, onClose }: ChangeFormProps) {
  const [draft, setDraft] = useState(() => draftOf(settings));
  const act = useAct();
  const preview = usePreview(draft, { readsRows: false });
  const { reply } = preview;
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const asked = changeOf(settings, draft);
  const isEmpty = asked !== null && Object.keys(asked).length === 0;
  const save = () =>
    act.run(async () => {
      if (asked !== null) onAsked(await changeTable(table, asked));
    });
  const { error } = act;
  const errors = new Map(error?.field ? [[error.field, error.message]] : []);
  const fields = { draft, reply, errors, change };
  const mayChangeRows = table.may.change_rows;
  return (
    <form class="change-form" aria-label={changeTexts.form} onSubmit={(event) => event.preventDefault()}>
      <ModeFields {...fields} onCheck={preview.refetch} />
      {!mayChangeRows && <p class="note">{changeTexts.rowsRefused}</p>}
      <fieldset class="unframed" disabled={!mayChangeRows}>
        <SourceField draft={draft} errors={errors} change={change} />
        <KeyFields draft={draft} preview={preview} errors={errors} change={change} />
        <ChoiceFields {...fields} />
      </fieldset>
      <OptionFields {...fields} of={{ isNew: false, mayChangeRows }} />
      {preview.error && mayChangeRows && (
        <p class="quiet">
          {changeTexts.notLookedAt} {preview.error.message}
        </p>
      )}
      {error && <ErrorBox error={error} what={changeTexts.form} title={tableTexts.acts.notDone} />}
      {asked !== null && !isEmpty && <Asked table={table} asked={asked} />}
      <p class="page-actions">
        <ActionButton isPrimary isBusy={act.isBusy} refusal={refusalOf(draft, asked)} onClick={() => void save()}>
          {changeTexts.save}
        </ActionButton>
        <button type="button" onClick={onClose}>
          {changeTexts.leave}
        </button>
      </p>
    </form>
  );
}

function refusalOf({ key, source }: Draft, asked: TableChange | null): string | null {
  const { refusals } = changeTexts;
  if (asked === null) return refusals.list;
  if (source === '') return refusals.noSource;
  if (key.length === 0) return refusals.noKey;
  return Object.keys(asked).length === 0 ? refusals.nothing : null;
}

type SourceFieldProps = Pick<Parameters<typeof ChoiceFields>[0], 'draft' | 'errors' | 'change'>;

function SourceField({ draft, errors, change }: SourceFieldProps) {
  return (
    <FieldGroup legend={changeTexts.source} fields={['source_table_full_name']} errors={errors}>
      <label class="create-field">
        <span>{changeTexts.sourceTable}</span>
        <input
          type="text"
          value={draft.source}
          placeholder="catalog.schema.table"
          spellcheck={false}
          autocomplete="off"
          onChange={(event) => change({ source: event.currentTarget.value.trim() })}
        />
      </label>
    </FieldGroup>
  );
}

/** What the change takes and what readers see meanwhile. */
function Asked({ table, asked }: { readonly table: TableSummary; readonly asked: TableChange }) {
  const place = useSnippetPlace(table);
  const { costs } = changeTexts;
  const size = table.size_bytes === null ? tableTexts.acts.sizeUnknown : sizeText(table.size_bytes);
  return (
    <section aria-label={changeTexts.cost}>
      <p>{costs[costOf(asked)](size)}</p>
      {asked.scheduling_policy !== undefined && table.pipeline.tables > 1 && (
        <p>{changeTexts.leavesPipeline(table.pipeline.name)}</p>
      )}
      <CopyAs what={changeTexts.save} snippets={alterSnippets(place, table, asked)} />
    </section>
  );
}
