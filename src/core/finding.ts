/** `error`: something does not work. `warning`: it will, or may, stop working. `hint`: it could be better. */
export type Severity = 'ok' | 'hint' | 'warning' | 'error';

/** One thing that the doctor examined. */
export interface Finding {
  readonly severity: Severity;
  /** Of the doctor's own kinds, or of the error catalogue. */
  readonly code: string;
  /** What was examined: `machine`, `catalog lake`, `local`, `local/app`, or that followed by the name of a table. */
  readonly subject: string;
  readonly message: string;
  /** What to do; null if all is well. */
  readonly remedy: string | null;
}
