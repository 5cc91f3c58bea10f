import type { MeReply } from '../../../api/native/me-schema.js';
import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { useMe } from '../../data/me.js';
import type { Draft } from './draft.js';
import { type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.target;

interface TargetFieldsProps {
  readonly draft: Draft;
  readonly reply: PreviewReply | null;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** Database, schema and name of the table to be. */
export function TargetFields({ draft, reply, errors, change }: TargetFieldsProps) {
  const { data: me } = useMe();
  const [catalog = '', schema = '', table = ''] = draft.target.split('.');
  const places = me ? placesOf(me, catalog) : [];
  const name = (part: Partial<Record<'catalog' | 'schema' | 'table', string>>) =>
    [part.catalog ?? catalog, part.schema ?? schema, part.table ?? table].join('.');
  const chosen = places.find((place) => place.catalog === catalog && place.instance === draft.instance)?.key ?? catalog;
  return (
    <FieldGroup
      legend={texts.legend}
      fields={['name', 'instance', 'database', 'create_database_objects_if_missing']}
      errors={errors}
    >
      <div class="create-row">
        <label class="create-field">
          <span>{texts.database}</span>
          <select
            value={chosen}
            onChange={(event) => {
              const place = places.find(({ key }) => key === event.currentTarget.value);
              if (place) change({ target: name({ catalog: place.catalog }), instance: place.instance });
            }}
          >
            {places.map(({ key, word }) => (
              <option key={key} value={key}>
                {word}
              </option>
            ))}
          </select>
        </label>
        <NamePart
          label={texts.schema}
          value={schema}
          onChange={(value) => change({ target: name({ schema: value }) })}
        />
        <NamePart label={texts.table} value={table} onChange={(value) => change({ target: name({ table: value }) })} />
      </div>
      <p class="quiet">{texts.hint}</p>
      {reply?.creates.includes('database') && <p>{texts.newDatabase}</p>}
      {reply?.creates.includes('schema') && !reply.creates.includes('database') && <p>{texts.newSchema}</p>}
    </FieldGroup>
  );
}

interface NamePartProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function NamePart({ label, value, onChange }: NamePartProps) {
  return (
    <label class="create-field">
      <span>{label}</span>
      <input
        type="text"
        value={value}
        maxLength={63}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => onChange(event.currentTarget.value.replace(/\W/g, ''))}
      />
    </label>
  );
}

interface Place {
  readonly key: string;
  readonly word: string;
  readonly catalog: string;
  /** Empty where the name of the database tells. */
  readonly instance: string;
}

/** The databases in which the caller may create, and the catalog that is chosen, if it is none of them. */
function placesOf(me: MeReply, catalog: string): Place[] {
  const databases = me.instances.flatMap(({ name: instance, databases: all }) =>
    all.filter(({ may }) => may?.create !== false).map(({ name }) => ({ instance, name })),
  );
  const isAlone = (name: string) => databases.filter((each) => each.name === name).length === 1;
  const places = databases.map(({ instance, name }) => ({
    key: isAlone(name) ? name : `${instance}/${name}`,
    word: isAlone(name) ? name : `${name} (${instance})`,
    catalog: name,
    instance: isAlone(name) ? '' : instance,
  }));
  if (catalog === '' || places.some((place) => place.catalog === catalog)) return places;
  return [{ key: catalog, word: catalog, catalog, instance: '' }, ...places];
}
