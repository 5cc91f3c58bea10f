import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { Icon } from '../../parts/icon.js';
import { FeedOff } from '../catalog/feed-off.js';
import type { Draft, Policy } from './draft.js';
import { Check, type FieldErrors, FieldGroup } from './field.js';
import { createTexts } from './texts.js';

const texts = createTexts.mode;
const POLICIES: readonly Policy[] = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];

interface ModeFieldsProps {
  readonly draft: Draft;
  readonly reply: PreviewReply | null;
  readonly errors: FieldErrors;
  readonly change: (change: Partial<Draft>) => void;
  readonly onCheck: () => void;
}

/** When the table is synced, as far as its source allows. */
export function ModeFields({ draft, reply, errors, change, onCheck }: ModeFieldsProps) {
  const modeOf = (policy: Policy) => reply?.source.modes.find((mode) => mode.scheduling_policy === policy);
  const needsFiles = modeOf('TRIGGERED')?.by_file_comparison === true;
  return (
    <FieldGroup legend={texts.legend} fields={['scheduling_policy', 'allow_file_diff']} errors={errors}>
      {POLICIES.map((policy) => (
        <label key={policy} class="check">
          <input
            type="radio"
            name="policy"
            checked={draft.policy === policy}
            onChange={() => change({ policy, ...(policy === 'CONTINUOUS' ? { cron: '', zone: '' } : {}) })}
          />
          <span>
            <strong title={policy}>{texts.words[policy]}</strong> {texts.why[policy]}
            {modeOf(policy)?.is_possible === false && <Icon name="triangle" class="group-warn" />}
          </span>
        </label>
      ))}
      {needsFiles && <FeedOff source={reply?.source ?? { alter_table: null }} onCheck={onCheck} />}
      {(needsFiles || draft.fileDiff) && (
        <Check label={texts.files} checked={draft.fileDiff} onChange={(fileDiff) => change({ fileDiff })} />
      )}
    </FieldGroup>
  );
}
