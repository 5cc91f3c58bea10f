import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import { PREVIEWS, type PreviewJob, usePreviewJob } from '../../data/preview-job.js';
import { call, RequestError } from '../../data/request.js';
import { bodyOf, type Draft } from './draft.js';

const PAUSE_MS = 400;
/** Rows of tables on the disk of the sidecar are read by themselves up to this size. */
const READ_BYTES_MAX = 1024 ** 3;

export interface Preview {
  /** Of the newest draft that was looked at. */
  readonly reply: PreviewReply | null;
  readonly error: RequestError | null;
  /** Whether `reply` is about an older draft. */
  readonly isBehind: boolean;
  readonly job: PreviewJob;
  readonly checkKey: () => void;
  readonly refetch: () => void;
}

interface Seen {
  readonly asked: string;
  readonly reply: PreviewReply | null;
  readonly error: RequestError | null;
}

/**
 * Looks at a draft a moment after each change; its rows are read by a job, whose result counts for later looks too.
 * @param readsRows whether the rows of a small table are read without being asked for
 */
export function usePreview(draft: Draft, { readsRows = true }: { readonly readsRows?: boolean } = {}): Preview {
  const job = usePreviewJob();
  const [seen, setSeen] = useState<Seen>({ asked: '', reply: null, error: null });
  const [round, setRound] = useState(0);
  const ended = job.reply?.state === 'DONE' ? job.reply : null;
  const asked = useMemo(
    () => JSON.stringify({ ...bodyOf(draft), ...(ended?.id ? { rows_from: ended.id } : {}) }),
    [draft, ended?.id],
  );

  useEffect(() => {
    if (draft.source === '') return;
    const running = new AbortController();
    const look = async () => {
      try {
        const reply = await call<PreviewReply>(PREVIEWS, {
          method: 'POST',
          body: JSON.parse(asked),
          signal: running.signal,
        });
        setSeen({ asked, reply, error: null });
      } catch (failure) {
        if (running.signal.aborted) return;
        const error = failure instanceof RequestError ? failure : new RequestError(0, {}, failure);
        if (error.code === 'PREVIEW_NOT_FOUND') return job.forget();
        setSeen((last) => ({ ...last, asked, error }));
      }
    };
    const timer = setTimeout(() => void look(), seen.asked === '' ? 0 : PAUSE_MS);
    return () => {
      clearTimeout(timer);
      running.abort();
    };
  }, [asked, round]);

  const isOther = seen.reply !== null && seen.reply.source.name !== draft.source;
  const reply = isOther ? null : seen.reply;
  const isBehind = draft.source !== '' && (seen.asked !== asked || isOther);
  const checkKey = () => job.start(bodyOf(draft));
  useReadByItself(isBehind || !readsRows ? null : reply, draft, { job, checkKey });
  return {
    reply,
    error: seen.error,
    isBehind,
    job,
    checkKey,
    refetch: () => setRound(round + 1),
  };
}

/** A small table nearby is read without being asked, for its keys and once more for each key and part that is chosen. */
function useReadByItself(
  reply: PreviewReply | null,
  { source, key, timeseries, chosen, filter }: Draft,
  { job, checkKey }: Pick<Preview, 'job' | 'checkKey'>,
): void {
  const [read, setRead] = useState('');
  const isNear = reply !== null && !/^\w+:\/\//.test(reply.source.location);
  const size = reply?.source.size_bytes ?? null;
  const wanted = JSON.stringify([source, reply?.source.version, key, timeseries, chosen, filter]);
  const rows = reply?.rows ?? null;
  const [only] = key;
  const isUnique = key.length === 1 && only !== undefined && rows?.key_candidates?.includes(only) === true;
  const isAnswered = isUnique || (rows !== null && rows.primary_key !== null);
  useEffect(() => {
    if (!isNear || typeof size !== 'number' || size > READ_BYTES_MAX || read === wanted || job.isRunning) return;
    if (key.length > 0 && isAnswered) return;
    setRead(wanted);
    checkKey();
  }, [wanted, isNear, isAnswered, size, job.isRunning]);
}
