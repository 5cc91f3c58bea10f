import type { ComponentChildren } from 'preact';

interface FactProps {
  readonly name: string;
  readonly children: ComponentChildren;
  /** Said on hover and to screen readers: the whole value, or why it is not known. */
  readonly title?: string | undefined;
}

/** A name and its value, within `<dl class="facts">`. */
export function Fact({ name, children, title }: FactProps) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
