import { useState } from 'preact/hooks';
import type { Snippets } from '../words/snippets.js';
import { Copy } from './copy.js';

type Form = keyof Snippets;
const FORMS: readonly Form[] = ['SQL', 'CLI', 'curl', 'Python', 'YAML'];
let preferred: Form = 'SQL';

/**
 * Shows the same as SQL, CLI, curl and Python, each to copy. Make the texts with `words/quoting.ts`.
 * @param what completes "As": `this list`
 */
export function CopyAs({ snippets, what }: { readonly snippets: Snippets; readonly what: string }) {
  const forms = FORMS.filter((form) => snippets[form] !== undefined);
  const [chosen, choose] = useState(preferred);
  const form = forms.includes(chosen) ? chosen : forms[0];
  if (form === undefined) return null;
  const text = snippets[form] ?? '';
  return (
    <section class="copy-as" aria-label={`${what} elsewhere`}>
      <fieldset class="copy-as-forms">
        <legend class="hidden">Form</legend>
        {forms.map((each) => (
          <button
            type="button"
            key={each}
            aria-pressed={each === form}
            onClick={() => {
              preferred = each;
              choose(each);
            }}
          >
            {each}
          </button>
        ))}
        <Copy text={text} what={`as ${form}`} />
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
      <pre class="code" tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}
