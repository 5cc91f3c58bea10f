import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { navigate, usePlace } from '../../app/router.js';
import { useMe } from '../../data/me.js';
import type { RequestError } from '../../data/request.js';
import { Page } from '../../parts/page.js';
import './create.css';
import { ChoiceFields } from './choice-fields.js';
import { CreateActions } from './create-actions.js';
import { type Draft, readDraft, writeDraft } from './draft.js';
import { KeyFields } from './key-fields.js';
import { ModeFields } from './mode-fields.js';
import { OptionFields } from './option-fields.js';
import { Outcome } from './outcome.js';
import { ScheduleFields } from './schedule-fields.js';
import { SourceField } from './source-field.js';
import { TargetFields } from './target-fields.js';
import { createTexts } from './texts.js';
import { usePreview } from './use-preview.js';

/** A synced table to be: a form, and beside it what would come of it. The draft is in the address. */
export function Screen() {
  const { query } = usePlace();
  const { data: me } = useMe();
  const text = query.toString();
  const written = useMemo(() => readDraft(query), [text]);
  const [defaults, setDefaults] = useState<Defaults | null>(null);
  const [keySource, setKeySource] = useState('');
  const [known, setKnown] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<RequestError | null>(null);
  const draft = useMemo(
    () => withDefaults(written, defaults, { isKeyChosen: keySource === written.source }),
    [written, defaults, keySource],
  );
  const preview = usePreview(draft);
  const { reply } = preview;
  useEffect(() => {
    if (reply) setDefaults({ source: reply.source.name, ...reply.defaults });
  }, [reply]);

  const change = (part: Partial<Draft>) => {
    setRefused(null);
    if (part.key !== undefined && part.source === undefined) setKeySource(written.source);
    const next = writeDraft({ ...draft, ...part });
    navigate(next === '' ? '/create' : `/create?${next}`, { replace: part.source === undefined });
  };
  const errors = useMemo(() => {
    if (refused?.field) return new Map([[refused.field, refused.message]]);
    return new Map<string, string>();
  }, [refused]);
  const isSourceGiven = draft.source !== '';
  const fields = { draft, reply, errors, change };
  return (
    <Page title={createTexts.title}>
      <div class="create">
        <form class="create-form" aria-label={createTexts.form} onSubmit={(event) => event.preventDefault()}>
          <SourceField {...fields} />
          {isSourceGiven && (
            <>
              <TargetFields {...fields} />
              <KeyFields draft={draft} preview={preview} errors={errors} change={change} />
              <ChoiceFields {...fields} />
              <ModeFields {...fields} onCheck={preview.refetch} />
              <ScheduleFields draft={draft} errors={errors} change={change} />
              <OptionFields {...fields} />
            </>
          )}
        </form>
        <Outcome
          draft={draft}
          preview={preview}
          known={known}
          change={change}
          onKnow={(key, isKnown) => {
            const next = new Set(known);
            if (isKnown) next.add(key);
            else next.delete(key);
            setKnown(next);
          }}
        />
      </div>
      <CreateActions draft={draft} preview={preview} known={known} me={me ?? null} onRefused={setRefused} />
    </Page>
  );
}

type Defaults = PreviewReply['defaults'] & { readonly source: string };

/** What was not filled in is as the source suggests, once that is known. */
function withDefaults(draft: Draft, defaults: Defaults | null, { isKeyChosen }: { isKeyChosen: boolean }): Draft {
  if (defaults === null || defaults.source !== draft.source) return draft;
  const isKeyOpen = draft.key.length === 0 && !isKeyChosen;
  return {
    ...draft,
    target: draft.target === '' ? (defaults.name ?? '') : draft.target,
    key: isKeyOpen ? defaults.primary_key_columns : draft.key,
    timeseries: isKeyOpen && draft.timeseries === '' ? (defaults.timeseries_key ?? '') : draft.timeseries,
    policy: draft.policy === '' ? defaults.scheduling_policy : draft.policy,
  };
}
