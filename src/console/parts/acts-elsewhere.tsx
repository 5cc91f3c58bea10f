import { useId, useState } from 'preact/hooks';
import type { Snippets } from '../words/snippets.js';
import { CopyAs } from './copy-as.js';

/** Something that can be done, in the forms in which it can be done elsewhere. */
export interface ActElsewhere {
  readonly word: string;
  readonly snippets: Snippets;
}

const texts = { summary: 'As SQL, CLI, curl …', act: 'Action' } as const;

/** Every action of a page in the forms in which it can be done elsewhere, one at a time. */
export function ActsElsewhere({ acts }: { readonly acts: readonly ActElsewhere[] }) {
  const id = useId();
  const [word, choose] = useState('');
  const act = acts.find((each) => each.word === word) ?? acts[0];
  if (act === undefined) return null;
  return (
    <details class="page-elsewhere">
      <summary>{texts.summary}</summary>
      {acts.length > 1 && (
        <p>
          <label for={id}>{texts.act}</label>{' '}
          <select id={id} value={act.word} onChange={({ currentTarget }) => choose(currentTarget.value)}>
            {acts.map((each) => (
              <option key={each.word} value={each.word}>
                {each.word}
              </option>
            ))}
          </select>
        </p>
      )}
      <CopyAs what={act.word} snippets={act.snippets} />
    </details>
  );
}
