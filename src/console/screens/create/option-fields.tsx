import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { useTables } from '../../data/tables.js';
import type { Draft } from './draft.js';
import { Check, type FieldErrors, FieldGroup } from './field.js';
import { ListField, type ListPart } from './list-field.js';
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

const { parts } = texts;

const overrideParts = (proposals: readonly string[]): readonly ListPart[] => [
  { name: 'column_name', label: parts.column, proposals },
  {
    name: 'pg_type',
    label: parts.type,
    choices: [
      ['PG_SPECIFIC_TYPE_VECTOR', 'vector'],
      ['PG_SPECIFIC_TYPE_HALFVEC', 'halfvec'],
      ['PG_SPECIFIC_TYPE_VARCHAR', 'varchar'],
    ],
  },
  { name: 'size', label: parts.size, example: '768', isNumber: true },
];

const COLUMN_PARTS: readonly ListPart[] = [
  { name: 'column_name', label: parts.column, example: 'loaded_at' },
  { name: 'column_type', label: parts.type, example: 'timestamptz' },
  { name: 'compute', label: parts.expression, example: 'now()' },
  {
    name: 'maintenance',
    label: parts.maintenance,
    choices: [
      ['DEFAULT_VALUE', parts.defaultValue],
      ['STORED_GENERATED', parts.generated],
    ],
  },
];

const INDEX_PARTS: readonly ListPart[] = [
  { name: 'name', label: parts.indexName, example: 'orders_by_day' },
  { name: 'definition', label: parts.definition, example: 'USING btree (day)' },
];

interface OptionFieldsProps {
  readonly draft: Draft;
  readonly reply: PreviewReply | null;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
  /** Of a table that is there its pipeline is no option, and not everybody who may change it may change its rows. */
  readonly of?: { readonly isNew: boolean; readonly mayChangeRows: boolean };
}

const NEW = { isNew: true, mayChangeRows: true };

/** Everything else that a synced table can be asked for. */
export function OptionFields({ draft, reply, errors, change, of = NEW }: OptionFieldsProps) {
  const lists = [draft.overrides, draft.columns, draft.indexes];
  const isUsed = FIELDS.some((field) => errors.has(field)) || draft.strip || lists.some((list) => list !== '');
  return (
    <details class="create-options" open={isUsed}>
      <summary>{texts.legend}</summary>
      <FieldGroup legend={texts.legend} fields={FIELDS} errors={errors}>
        {draft.policy !== 'SNAPSHOT' && (
          <Check label={texts.refresh} checked={draft.refresh} onChange={(refresh) => change({ refresh })} />
        )}
        {of.isNew && (
          <Check label={texts.together} checked={draft.together} onChange={(together) => change({ together })} />
        )}
        <Check
          label={texts.accelerated}
          checked={draft.accelerated}
          onChange={(accelerated) => change({ accelerated })}
        />
        {of.isNew && <PipelineField draft={draft} change={change} />}
        <fieldset class="unframed" disabled={!of.mayChangeRows}>
          <Check label={texts.strip} checked={draft.strip} onChange={(strip) => change({ strip })} />
          <ListField
            name="overrides"
            label={texts.overrides}
            parts={overrideParts((reply?.source.columns ?? []).map(({ name }) => name))}
            value={draft.overrides}
            onChange={(overrides) => change({ overrides })}
          />
          <ListField
            name="columns"
            label={texts.columns}
            parts={COLUMN_PARTS}
            value={draft.columns}
            onChange={(columns) => change({ columns })}
          />
          <ListField
            name="indexes"
            label={texts.indexes}
            parts={INDEX_PARTS}
            value={draft.indexes}
            onChange={(indexes) => change({ indexes })}
          />
        </fieldset>
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
