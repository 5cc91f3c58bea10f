/** Credentials that a catalog issues for one table, for a limited time; the part that fits its store is set. */
export interface StoreCredentials {
  /** Milliseconds since 1970; null if they do not expire. */
  readonly expiresAtMs: number | null;
  readonly aws?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | undefined;
  };
  readonly azureSas?: string;
  readonly azureToken?: string;
  readonly gcpToken?: string;
}

export interface TemporaryCredentialsOptions {
  readonly request: () => Promise<StoreCredentials>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** New ones are fetched this long before the old ones expire: a file being fetched has time to arrive. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** Credentials that are requested when needed, and again before they expire. */
export class TemporaryCredentials {
  readonly #request: () => Promise<StoreCredentials>;
  readonly #now: () => number;
  #current: StoreCredentials | null = null;
  #renewAtMs = Number.POSITIVE_INFINITY;
  /** One request for all waiting callers. */
  #pending: Promise<StoreCredentials> | null = null;

  constructor({ request, now = Date.now }: TemporaryCredentialsOptions) {
    this.#request = request;
    this.#now = now;
  }

  async get(): Promise<StoreCredentials> {
    if (this.#current !== null && this.#now() < this.#renewAtMs) return this.#current;
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  async #renew(): Promise<StoreCredentials> {
    const found = await this.#request();
    const now = this.#now();
    const { expiresAtMs } = found;
    // Short-lived ones are used for half their lifetime.
    this.#renewAtMs =
      expiresAtMs === null
        ? Number.POSITIVE_INFINITY
        : Math.max(expiresAtMs - RENEW_BEFORE_MS, now + (expiresAtMs - now) / 2);
    this.#current = found;
    return found;
  }
}
