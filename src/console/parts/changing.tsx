import { useRef } from 'preact/hooks';

/** A text that flashes once whenever it changes while it is shown. */
export function Changing({ text }: { readonly text: string }) {
  const first = useRef(text);
  return (
    <span key={text} class={text === first.current ? '' : 'changed'}>
      {text}
    </span>
  );
}
