import { errorCatalogue, errorTopics } from '../../../core/error-catalogue.js';
import type { ErrorKind } from '../../../core/errors/error-kind.js';
import { findingKinds } from '../../../core/finding-kinds.js';
import { errorsTexts } from './texts.js';

/** What a code means: an error of the catalogue, or a finding of the doctor. */
export interface KnownError {
  readonly code: string;
  readonly topic: string;
  readonly message: string;
  readonly remedy: string;
  readonly kind: ErrorKind | null;
  /** Of findings. */
  readonly severity: keyof typeof errorsTexts.severities | null;
}

const errors: readonly KnownError[] = errorTopics.flatMap(({ title, errors: kinds }) =>
  Object.entries(kinds).map(([code, kind]) => ({
    code,
    topic: title,
    message: kind.message,
    remedy: kind.remedy,
    kind,
    severity: null,
  })),
);

const findings: readonly KnownError[] = Object.entries(findingKinds)
  .filter(([code]) => !Object.hasOwn(errorCatalogue, code))
  .map(([code, { message, remedy, severity }]) => ({
    code,
    topic: errorsTexts.doctorTopic,
    message,
    remedy: remedy ?? '',
    kind: null,
    severity,
  }));

/** All codes, topic by topic. */
const knownErrors: readonly KnownError[] = [...errors, ...findings];

export function findError(code: string): KnownError | null {
  return knownErrors.find((known) => known.code === code) ?? null;
}

/** Those that have all words somewhere. */
export function searchErrors(text: string): readonly KnownError[] {
  const words = text.toLowerCase().split(/\s+/);
  return knownErrors.filter(({ code, message, remedy }) => {
    const all = `${code} ${message} ${remedy}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
