import { useEffect, useRef, useState } from 'preact/hooks';
import type { PreviewReply } from '../../api/native/previews/preview-schema.js';
import { call, RequestError } from './request.js';

export const PREVIEWS = '/api/2.0/synced-tables/previews';
const POLL_MS = 400;
/** Behind one address there may be several sidecars, of which one knows the job: others are passed over so often. */
const STRANGERS_MAX = 10;

export interface PreviewJob {
  /** As far as it has come; null before the first. */
  readonly reply: PreviewReply | null;
  /** Why it could not be begun, or asked for. */
  readonly error: RequestError | null;
  readonly isRunning: boolean;
  readonly start: (body: object) => void;
  readonly cancel: () => void;
  /** Forgets the result: the server does not know it any more. */
  readonly forget: () => void;
}

/** A preview that reads all rows of a source. It ends with the component, and with the next one. */
export function usePreviewJob(): PreviewJob {
  const [reply, setReply] = useState<PreviewReply | null>(null);
  const [error, setError] = useState<RequestError | null>(null);
  const [isRunning, setRunning] = useState(false);
  const current = useRef<{ id: string | null; isOver: boolean }>({ id: null, isOver: true });

  const cancel = () => {
    const job = current.current;
    if (job.isOver) return;
    job.isOver = true;
    setRunning(false);
    // Whoever has lost it has nothing to end.
    if (job.id !== null) askForJob(`${PREVIEWS}/${job.id}`, 'DELETE').catch(() => {});
  };

  const start = async (body: object) => {
    cancel();
    const job: { id: string | null; isOver: boolean } = { id: null, isOver: false };
    current.current = job;
    setReply(null);
    setError(null);
    setRunning(true);
    try {
      let next = await call<PreviewReply>(PREVIEWS, { method: 'POST', body: { ...body, depth: 'rows' } });
      job.id = next.id;
      while (!job.isOver) {
        setReply(next);
        if (next.state !== 'RUNNING') break;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        if (job.isOver) break;
        next = await askForJob(`${PREVIEWS}/${job.id}`, 'GET');
      }
      // Canceled while it was being begun.
      if (job.isOver && job.id !== null && next.state === 'RUNNING') {
        await askForJob(`${PREVIEWS}/${job.id}`, 'DELETE');
      }
    } catch (failure) {
      if (!job.isOver) setError(failure instanceof RequestError ? failure : new RequestError(0, {}, failure));
    } finally {
      if (current.current === job) setRunning(false);
      job.isOver = true;
    }
  };

  useEffect(() => cancel, []);
  return { reply, error, isRunning, start: (body) => void start(body), cancel, forget: () => setReply(null) };
}

/** Asks until the sidecar that knows the job answers. @throws RequestError, of PREVIEW_NOT_FOUND if none does */
async function askForJob(path: string, method: 'GET' | 'DELETE'): Promise<PreviewReply> {
  for (let strangers = 0; ; strangers += 1) {
    try {
      return await call<PreviewReply>(path, { method });
    } catch (failure) {
      const isUnknown = failure instanceof RequestError && failure.code === 'PREVIEW_NOT_FOUND';
      if (!isUnknown || strangers === STRANGERS_MAX) throw failure;
    }
  }
}
