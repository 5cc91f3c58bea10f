export interface KeepClaimOptions {
  /** How long the claim lasts unless it is renewed. */
  readonly seconds: number;
  /** Renews it. A failure aborts `lost`. */
  readonly renew: () => Promise<void>;
  readonly lost: AbortController;
}

export interface ClaimKeeper {
  /** Renews no more. Fulfills when a renewal that is under way has ended. */
  stop(): Promise<void>;
}

/** Renews a claim three times in the time that it lasts, until that is stopped. */
export function keepClaim({ seconds, renew, lost }: KeepClaimOptions): ClaimKeeper {
  let renewal = Promise.resolve();
  const timer = setInterval(
    () => {
      renewal = renewal.then(renew).catch((error: unknown) => lost.abort(error));
    },
    (seconds * 1000) / 3,
  );
  return {
    stop() {
      clearInterval(timer);
      return renewal;
    },
  };
}
