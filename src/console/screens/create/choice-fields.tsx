import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { sizeText } from '../../words/numbers.js';
import type { Draft } from './draft.js';
import { Check, type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.choice;

type FilesRead = NonNullable<NonNullable<PreviewReply['rows']>['files_read']>;

interface ChoiceFieldsProps {
  readonly draft: Draft;
  readonly reply: PreviewReply | null;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
}

/** Which columns and rows of the source the table is to have. */
export function ChoiceFields({ draft, reply, errors, change }: ChoiceFieldsProps) {
  // Of a source that this role may not see, those are known that were chosen.
  const all = reply?.source.columns.map(({ name }) => name) ?? null;
  const names = all ?? draft.chosen;
  const filesRead = reply?.rows?.files_read ?? null;
  const isAll = draft.chosen.length === 0;
  const isChosen = (name: string) => isAll || draft.chosen.includes(name) || draft.key.includes(name);
  const choose = (name: string, isWanted: boolean) => {
    const next = names.filter((each) => (each === name ? isWanted : isChosen(each)));
    change({ chosen: next.length === names.length ? [] : next });
  };
  return (
    <FieldGroup legend={texts.legend} fields={['columns', 'row_filter']} errors={errors}>
      <details class="create-columns" open={!isAll}>
        <summary>{isAll ? texts.all : texts.some(names.filter(isChosen).length, all?.length ?? null)}</summary>
        <ul>
          {names.map((name) => (
            <li key={name}>
              <Check
                label={name}
                checked={isChosen(name)}
                isFixed={draft.key.includes(name)}
                onChange={(isWanted) => choose(name, isWanted)}
              />
            </li>
          ))}
        </ul>
        {!isAll && (
          <button type="button" onClick={() => change({ chosen: [] })}>
            {texts.takeAll}
          </button>
        )}
      </details>
      <label class="create-field create-json">
        <span>{texts.filter}</span>
        <textarea
          rows={2}
          value={draft.filter}
          placeholder={texts.filterExample}
          spellcheck={false}
          onInput={(event) => change({ filter: event.currentTarget.value })}
        />
      </label>
      <p class="quiet">{texts.filterHint}</p>
      {filesRead && <p role="status">{filesReadText(filesRead)}</p>}
    </FieldGroup>
  );
}

function filesReadText({ files, bytes, of_files: allFiles, of_bytes: allBytes }: FilesRead): string {
  const counted = texts.filesRead(files, allFiles);
  if (bytes === null || allBytes === null) return `${counted}.`;
  return `${counted}${texts.bytesRead(sizeText(bytes), sizeText(allBytes))}.`;
}
