import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface ActionButtonProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  /** Why it cannot be pressed; null if it can. A button with a reason can be focused, and tells it. */
  readonly refusal?: string | null;
  readonly isPrimary?: boolean;
  readonly isBusy?: boolean;
  /** The single letter that presses it; see app/keys.ts. */
  readonly shortcut?: string;
}

/** A button for what needs a right: without it, it is there, disabled, and says what is missing. */
export function ActionButton({
  children,
  onClick,
  refusal = null,
  isPrimary = false,
  isBusy = false,
  shortcut,
}: ActionButtonProps) {
  const id = useId();
  const isOff = refusal !== null || isBusy;
  return (
    <span class="action">
      <button
        type="button"
        class={isPrimary ? 'primary' : ''}
        data-key={shortcut}
        aria-disabled={isOff}
        aria-describedby={refusal === null ? undefined : id}
        title={refusal ?? undefined}
        onClick={() => !isOff && onClick()}
      >
        {children}
      </button>
      {refusal !== null && (
        <span id={id} class="hidden">
          {refusal}
        </span>
      )}
    </span>
  );
}
