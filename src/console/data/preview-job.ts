import { useEffect, useRef, useState } from 'preact/hooks';
import type { PreviewReply } from '../../api/native/previews/preview-schema.js';
import { call, RequestError } from './request.js';

export const PREVIEWS = '/api/2.0/synced-tables/previews';
const POLL_MS = 400;

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
    if (job.id !== null) call(`${PREVIEWS}/${job.id}`, { method: 'DELETE' }).catch(() => {});
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
        next = await call<PreviewReply>(`${PREVIEWS}/${job.id}`);
      }
      // Canceled while it was being begun.
      if (job.isOver && job.id !== null && next.state === 'RUNNING') {
        await call(`${PREVIEWS}/${job.id}`, { method: 'DELETE' });
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
