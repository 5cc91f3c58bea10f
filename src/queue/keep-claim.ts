export interface KeepClaimOptions {
  /** How long the claim lasts unless renewed. */
  readonly seconds: number;
  /** Renews it. A failure aborts `lost`. */
  readonly renew: () => Promise<void>;
  readonly lost: AbortController;
}

export interface ClaimKeeper {
  /** Stops renewing. Fulfills once a renewal in progress has ended. */
  stop(): Promise<void>;
}

/** Renews a claim three times within its duration, until stopped. */
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
