import { useState } from 'preact/hooks';
import { RequestError } from './request.js';

/** Something that people do: whether it is under way, and why it was refused. */
export interface Act {
  readonly isBusy: boolean;
  readonly error: RequestError | null;
  /** Does it, unless it is under way; true once it is done. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
}

export function useAct(): Act {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<RequestError | null>(null);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    if (isBusy) return false;
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (problem) {
      setError(problem instanceof RequestError ? problem : new RequestError(0, {}, problem));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, error, run };
}
