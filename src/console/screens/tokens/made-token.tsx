import type { NewTokenReply } from '../../../api/native/tokens/token-schema.js';
import { Copy } from '../../parts/copy.js';
import { Exact } from '../../parts/time.js';
import { tokensTexts } from './texts.js';

const { made: texts } = tokensTexts;

/** A token, shown this once: it is forgotten when this is closed. */
export function MadeToken({ made, onClose }: { readonly made: NewTokenReply; readonly onClose: () => void }) {
  return (
    <section class="box made-token" aria-labelledby="made">
      <h2 id="made">{texts.title}</h2>
      <p class="made-row">
        <input
          type="text"
          readOnly
          aria-label={texts.token}
          value={made.token}
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
        <Copy text={made.token} what={texts.what} />
      </p>
      <p>
        {texts.role(made.role)}{' '}
        {made.expires_at === null ? (
          texts.forever
        ) : (
          <>
            {texts.until} <Exact time={made.expires_at} />.
          </>
        )}
      </p>
      <button type="button" onClick={onClose}>
        {texts.close}
      </button>
    </section>
  );
}
