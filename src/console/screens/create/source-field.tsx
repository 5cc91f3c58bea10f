import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { navigate } from '../../app/router.js';
import { useMe } from '../../data/me.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { CatalogTree } from '../catalog/catalog-tree.js';
import { NoSources } from '../catalog/no-sources.js';
import { type Draft, EMPTY_DRAFT, writeDraft } from './draft.js';
import { type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.source;

interface SourceFieldProps {
  readonly draft: Draft;
  readonly reply: PreviewReply | null;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** The source table: typed, or chosen in the tree that is there until there is one. */
export function SourceField({ draft, reply, errors, change }: SourceFieldProps) {
  const { data: me } = useMe();
  return (
    <FieldGroup legend={texts.legend} fields={['source_table_full_name']} errors={errors}>
      <label class="create-field">
        <span>{texts.label}</span>
        <input
          type="text"
          value={draft.source}
          placeholder="catalog.schema.table"
          spellcheck={false}
          autocomplete="off"
          onChange={(event) => change({ ...EMPTY_DRAFT, source: event.currentTarget.value.trim() })}
        />
      </label>
      {reply && <p class="quiet">{factsOf(reply)}</p>}
      {draft.source === '' && me && (
        <section class="create-tree" aria-label={texts.choose}>
          <h2>{texts.choose}</h2>
          <CatalogTree
            me={me}
            chosen={{}}
            onlySources
            hrefOfTable={(name) => `/create?${writeDraft({ ...EMPTY_DRAFT, source: name })}`}
          />
          <NoSources me={me} />
        </section>
      )}
      {draft.source !== '' && (
        <p>
          <button type="button" onClick={() => navigate('/create')}>
            {texts.other}
          </button>
        </p>
      )}
    </FieldGroup>
  );
}

function factsOf({ source, rows }: PreviewReply): string {
  const version = source.version === null ? '' : texts.version(numberText(source.version));
  const size = source.size_bytes === null ? '' : sizeText(source.size_bytes);
  return texts.facts(version, rows?.row_count ?? source.row_count, size);
}
