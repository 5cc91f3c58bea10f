import { useEffect, useRef, useState } from 'preact/hooks';
import { areKeysOn, KEYS, switchKeys } from './keys.js';
import { shellTexts } from './texts.js';

/** The keys, and a way to switch the single letters off. */
export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOn, setOn] = useState(areKeysOn);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="keys-title" onClose={onClose}>
      <h2 id="keys-title">{shellTexts.keys}</h2>
      <dl class="keys">
        {KEYS.map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ currentTarget }) => {
            switchKeys(currentTarget.checked);
            setOn(currentTarget.checked);
          }}
        />{' '}
        {shellTexts.singleKeys}
      </label>
      <div class="dialog-foot">
        <button type="button" onClick={() => dialog.current?.close()}>
          {shellTexts.close}
        </button>
      </div>
    </dialog>
  );
}
