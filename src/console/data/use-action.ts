import { useState } from 'preact/hooks';
import { RequestError } from './request.js';

export interface Action {
  readonly isBusy: boolean;
  readonly error: RequestError | null;
  /** Runs it; true once it is done, false if it failed, which `error` tells. */
  readonly run: (act: () => Promise<void>) => Promise<boolean>;
}

/** Something that a person does: whether it is under way, and why it failed. */
export function useAction(): Action {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<RequestError | null>(null);
  const run = async (act: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await act();
      return true;
    } catch (problem) {
      setError(problem instanceof RequestError ? problem : new RequestError(0, { message: String(problem) }, problem));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, error, run };
}
