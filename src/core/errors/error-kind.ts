/**
 * Whether trying again helps: `none` fails again as long as the request is the same, `timed` may pass by itself,
 * `manual` passes once a person has done what the remedy says.
 */
export type RetryClass = 'none' | 'timed' | 'manual';

export interface ErrorKind {
  /** What happened, in one line of the error reference; needed only where the message says too little without its details. */
  readonly summary?: string;
  /** What happened; `{name}` is filled in. */
  readonly message: string;
  /** What to do about it; `{name}` is filled in. */
  readonly remedy: string;
  readonly retry: RetryClass;
  /** HTTP status and `error_code` of the REST API. */
  readonly status: number;
  readonly apiCode: string;
  /** SQLSTATE under which `wait_for_update` raises it. */
  readonly sqlState: string;
}
