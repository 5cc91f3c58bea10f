import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { Copy } from '../../parts/copy.js';
import { Icon } from '../../parts/icon.js';
import './feed-off.css';
import { sourceTexts as texts } from './texts.js';

interface FeedOffProps {
  readonly source: Pick<SourceReply, 'alter_table'>;
  readonly onCheck: () => void;
}

/** The change feed is off: what turns it on. */
export function FeedOff({ source: { alter_table: statement }, onCheck }: FeedOffProps) {
  if (statement === null) return null;
  return (
    <section class="note-box">
      <p>
        <span class="state group-warn">
          <Icon name="triangle" />
          <span>{texts.feedOff}</span>
        </span>
      </p>
      <p>{texts.feedOn}</p>
      <div class="statement">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
        <pre class="code" tabIndex={0}>
          {statement}
        </pre>
        <Copy text={statement} what={texts.statement} />
        <button type="button" onClick={onCheck}>
          {texts.readAgain}
        </button>
      </div>
    </section>
  );
}
