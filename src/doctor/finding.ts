import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { Finding, Severity } from '../core/finding.js';
import { type FindingCode, findingKinds } from '../core/finding-kinds.js';
import { safeReason } from '../core/reasons/safe-reason.js';

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
