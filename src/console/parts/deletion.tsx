import { useState } from 'preact/hooks';

interface DeletionProps {
  /** What has to be typed before more than the registration goes. */
  readonly name: string;
  readonly words: {
    readonly title: string;
    readonly stays: string;
    readonly goes: string;
    readonly typeName: (name: string) => string;
  };
}

/** The choice whether tables stay, and the name that is typed if they do not. */
export interface Deletion extends DeletionProps {
  readonly drops: boolean;
  /** Why it cannot be done yet; null if it can. */
  readonly refusal: string | null;
  readonly typed: string;
  readonly setDrops: (drops: boolean) => void;
  readonly setTyped: (typed: string) => void;
}

export function useDeletion(props: DeletionProps): Deletion {
  const [drops, setDrops] = useState(false);
  const [typed, setTyped] = useState('');
  const refusal = drops && typed !== props.name ? props.words.typeName(props.name) : null;
  return { ...props, drops, refusal, typed, setDrops, setTyped };
}

export function DeletionChoices({ words, drops, setDrops }: Deletion) {
  return (
    <fieldset class="choices">
      <legend class="hidden">{words.title}</legend>
      <label>
        <input type="radio" name="drops" checked={!drops} onChange={() => setDrops(false)} /> {words.stays}
      </label>
      <label>
        <input type="radio" name="drops" checked={drops} onChange={() => setDrops(true)} /> {words.goes}
      </label>
    </fieldset>
  );
}

export function DeletedName({ words, name, drops, typed, setTyped }: Deletion) {
  if (!drops) return null;
  return (
    <label class="typed">
      {words.typeName(name)}
      <input
        type="text"
        autocomplete="off"
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      />
    </label>
  );
}
