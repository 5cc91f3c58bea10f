import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.js';

export interface MenuItem {
  readonly word: string;
  readonly onChoose: () => void;
  /** Why it cannot be chosen; null if it can. */
  readonly refusal: string | null;
}

/** A button that opens a list of actions. */
export function Menu({ word, items }: { readonly word: string; readonly items: readonly MenuItem[] }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const closeOutside = ({ target }: Event) => {
      if (target instanceof Node && !root.current?.contains(target)) setOpen(false);
    };
    document.addEventListener('pointerdown', closeOutside);
    return () => document.removeEventListener('pointerdown', closeOutside);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape is heard for the buttons within
    <div class="menu" ref={root} onKeyDown={({ key }) => key === 'Escape' && isOpen && close()}>
      <button type="button" ref={button} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {word}
        <Icon name="down" />
      </button>
      {isOpen && (
        <ul class="menu-items">
          {items.map(({ word: item, onChoose, refusal }) => (
            <li key={item}>
              <button
                type="button"
                aria-disabled={refusal !== null}
                title={refusal ?? undefined}
                onClick={() => {
                  if (refusal !== null) return;
                  close();
                  onChoose();
                }}
              >
                {item}
                {refusal !== null && <span class="hidden">{refusal}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
