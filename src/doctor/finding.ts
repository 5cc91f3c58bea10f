import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { safeReason } from '../core/reasons/safe-reason.js';
import { type FindingCode, findingKinds, type Severity } from './finding-kinds.js';

/** One thing that the doctor examined. */
export interface Finding {
  readonly severity: Severity;
  /** Of `findingKinds`, or of the error catalogue. */
  readonly code: string;
  /** What was examined: `machine`, `catalog lake`, `local`, `local/app`, or that followed by the name of a table. */
  readonly subject: string;
  readonly message: string;
  /** What to do; null if all is well. */
  readonly remedy: string | null;
}

type Details = Readonly<Record<string, string | number | bigint>>;

/** A finding of our own; `details` fills the placeholders of its texts. */
export function finding(code: FindingCode, subject: string, details: Details = {}): Finding {
  const { severity, message, remedy } = findingKinds[code];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name]));
  return { severity, code, subject, message: fill(message), remedy: remedy === null ? null : fill(remedy) };
}

/** An error of the catalogue as a finding. */
export function errorFinding(error: SyncedTablesError, subject: string, severity: Severity = 'error'): Finding {
  const { code, message, remedy } = error;
  return { severity, code, subject, message, remedy };
}

/** The error that prevented part of the examination, as a finding. */
export function failureFinding(error: unknown, subject: string): Finding {
  const reason = safeReason(error).replace(/\.$/, '');
  return errorFinding(syncedTablesError('EXAMINATION_FAILED', { subject, reason }, error), subject);
}
