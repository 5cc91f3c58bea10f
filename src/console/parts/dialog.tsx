import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { RequestError } from '../data/request.js';
import { ErrorBox } from './error-box.js';

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** The verb on the button that does it. */
  readonly verb: string;
  /** On the button that does nothing. */
  readonly leave?: string;
  /** Why it cannot be done yet; null if it can. */
  readonly refusal?: string | null;
  readonly isBusy: boolean;
  /** Why it was not done. */
  readonly error: RequestError | null;
  readonly onDo: () => void;
  readonly onClose: () => void;
}

/** Asks before something that is costly or not to be undone. Escape closes it, and the focus returns to where it was. */
export function Dialog(props: DialogProps) {
  const { title, children, verb, leave = 'Cancel', refusal = null, isBusy, error, onDo, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
      {error && <ErrorBox error={error} what={verb} title={`Not done: ${verb}.`} />}
      <div class="dialog-foot">
        <button type="button" onClick={() => dialog.current?.close()}>
          {leave}
        </button>
        <button
          type="button"
          class="primary"
          aria-disabled={refusal !== null || isBusy}
          title={refusal ?? undefined}
          onClick={() => refusal === null && !isBusy && onDo()}
        >
          {verb}
        </button>
      </div>
    </dialog>
  );
}
