import { useState } from 'preact/hooks';
import type { MeReply } from '../../../api/native/me-schema.js';
import { navigate } from '../../app/router.js';
import { rememberDraft } from '../../data/drafts.js';
import { roleOf } from '../../data/me.js';
import { refetch } from '../../data/query-cache.js';
import { call, RequestError } from '../../data/request.js';
import { TABLES } from '../../data/tables.js';
import { ActionButton } from '../../parts/action-button.js';
import { Copy } from '../../parts/copy.js';
import { ErrorBox } from '../../parts/error-box.js';
import { bodyOf, type Draft, parseList, writeDraft } from './draft.js';
import { warningKey } from './outcome.js';
import { createTexts } from './texts.js';
import type { Preview } from './use-preview.js';

const texts = createTexts.actions;

interface CreateActionsProps {
  readonly draft: Draft;
  readonly preview: Preview;
  readonly known: ReadonlySet<string>;
  readonly me: MeReply | null;
  readonly onRefused: (error: RequestError | null) => void;
}

/** Checking and creating; what stands in the way of a button is told by it. */
export function CreateActions({ draft, preview, known, me, onRefused }: CreateActionsProps) {
  const [busy, setBusy] = useState<'check' | 'create' | null>(null);
  const [isChecked, setChecked] = useState(false);
  const [error, setError] = useState<RequestError | null>(null);
  const missing = whatIsMissing(draft, me);
  const send = async (how: 'check' | 'create') => {
    setBusy(how);
    setChecked(false);
    setError(null);
    onRefused(null);
    try {
      const path = how === 'check' ? `${TABLES}?dry_run=true` : TABLES;
      const made = await call<{ readonly name: string }>(path, { method: 'POST', body: bodyOf(draft) });
      if (how === 'check') setChecked(true);
      else {
        refetch(TABLES, '/api/2.0/synced-tables/sources', '/api/2.1/unity-catalog');
        rememberDraft(made.name, `/create?${writeDraft(draft)}`);
        navigate(`/tables/${encodeURIComponent(made.name)}`);
      }
    } catch (failure) {
      const known = failure instanceof RequestError ? failure : new RequestError(0, {}, failure);
      setError(known);
      onRefused(known);
    }
    setBusy(null);
  };
  return (
    <div class="create-actions">
      {error && <ErrorBox error={error} what={texts.what} title={texts.refused} />}
      <p role="status" class="create-checked">
        {isChecked ? texts.checked : ''}
      </p>
      <div class="create-buttons">
        <ActionButton refusal={missing} isBusy={busy !== null} onClick={() => void send('check')}>
          {texts.check}
        </ActionButton>
        <ActionButton
          isPrimary
          refusal={missing ?? whatIsInTheWay(preview, known)}
          isBusy={busy !== null}
          onClick={() => void send('create')}
        >
          {busy === 'create' ? texts.creating : texts.create}
        </ActionButton>
        {me && !me.may.create && <Copy text={location.href} what={texts.share} word={`Copy ${texts.share}`} />}
      </div>
    </div>
  );
}

function whatIsMissing(draft: Draft, me: MeReply | null): string | null {
  const { refusals } = texts;
  if (me && !me.may.create) return refusals.noRight(roleOf(me));
  if (draft.source === '') return refusals.noSource;
  if (draft.target.split('.').filter((part) => part !== '').length !== 3) return refusals.noTarget;
  const lists = [draft.overrides, draft.columns, draft.indexes];
  return lists.some((text) => parseList(text) === null) ? refusals.list : null;
}

function whatIsInTheWay({ reply, isBehind, error }: Preview, known: ReadonlySet<string>): string | null {
  const { refusals } = texts;
  // Whoever cannot be shown what will happen may try it all the same: the server decides.
  if (error && reply === null) return null;
  if (reply === null || isBehind) return refusals.looking;
  if (reply.stops.length > 0) return refusals.stops;
  return reply.warnings.every((warning) => known.has(warningKey(warning))) ? null : refusals.warnings;
}
