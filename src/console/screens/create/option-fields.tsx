import { useTables } from '../../data/tables.js';
import { type Draft, parseList } from './draft.js';
import { Check, type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.options;
const FIELDS = [
  'invalid_characters',
  'on_history_gap',
  'publish',
  'existing_pipeline_id',
  'type_overrides',
  'extra_columns',
  'extra_index_definitions',
];

interface OptionFieldsProps {
  readonly draft: Draft;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** Everything else that a synced table can be asked for. */
export function OptionFields({ draft, errors, change }: OptionFieldsProps) {
  const isUsed = FIELDS.some((field) => errors.has(field)) || draft.strip || draft.overrides !== '';
  return (
    <details class="create-options" open={isUsed}>
      <summary>{texts.legend}</summary>
      <FieldGroup legend={texts.legend} fields={FIELDS} errors={errors}>
        <Check label={texts.strip} checked={draft.strip} onChange={(strip) => change({ strip })} />
        {draft.policy !== 'SNAPSHOT' && (
          <Check label={texts.refresh} checked={draft.refresh} onChange={(refresh) => change({ refresh })} />
        )}
        <Check label={texts.together} checked={draft.together} onChange={(together) => change({ together })} />
        <Check
          label={texts.accelerated}
          checked={draft.accelerated}
          onChange={(accelerated) => change({ accelerated })}
        />
        <PipelineField draft={draft} change={change} />
        <JsonField
          label={texts.overrides}
          example={texts.overridesExample}
          value={draft.overrides}
          onChange={(overrides) => change({ overrides })}
        />
        <JsonField
          label={texts.columns}
          example={texts.columnsExample}
          value={draft.columns}
          onChange={(columns) => change({ columns })}
        />
        <JsonField
          label={texts.indexes}
          example={texts.indexesExample}
          value={draft.indexes}
          onChange={(indexes) => change({ indexes })}
        />
      </FieldGroup>
    </details>
  );
}

/** Pipelines of the same mode and database, known by their tables. */
function PipelineField({ draft, change }: Pick<OptionFieldsProps, 'draft' | 'change'>) {
  const [database = ''] = draft.target.split('.');
  const query = new URLSearchParams({ kind: 'synced', policy: draft.policy || 'SNAPSHOT', database, sort: 'name' });
  const { data } = useTables(query);
  const pipelines = new Map((data?.tables ?? []).map(({ pipeline }) => [pipeline.pipeline_id, pipeline]));
  return (
    <label class="create-field">
      <span>{texts.pipeline}</span>
      <select value={draft.pipeline} onChange={(event) => change({ pipeline: event.currentTarget.value })}>
        <option value="">{texts.newPipeline}</option>
        {draft.pipeline !== '' && !pipelines.has(draft.pipeline) && <option>{draft.pipeline}</option>}
        {[...pipelines.values()].map((pipeline) => (
          <option key={pipeline.pipeline_id} value={pipeline.pipeline_id}>
            {texts.pipelineTables(pipeline.name, pipeline.tables)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface JsonFieldProps {
  readonly label: string;
  readonly example: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function JsonField({ label, example, value, onChange }: JsonFieldProps) {
  const isList = parseList(value) !== null;
  return (
    <label class="create-field create-json">
      <span>{label}</span>
      <textarea
        rows={2}
        value={value}
        placeholder={example}
        spellcheck={false}
        aria-invalid={!isList}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {!isList && <span class="field-error">{texts.noList}</span>}
    </label>
  );
}
