import type { z } from 'zod';
import { nearestName } from '../core/spelling.js';

/** One invalid setting, in the words of SETTINGS_INVALID. */
export interface SettingProblem {
  /** Its path, for example `api.port`. */
  readonly setting: string;
  readonly found: string;
  readonly allowed: string;
}

const SHOWN_LENGTH_MAX = 60;
const SECRET_KEY = /url|uri|token|secret|password|credential|key$/i;
/** Connection strings, and key=value lists that may hold passwords. */
const SECRET_TEXT = /:\/\/|password|secret|token/i;

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Describes which setting an issue is about, what was found and what is allowed. Texts that may hold a secret are never
 * shown, even if they are in the wrong place.
 * @param written the settings as written in the file, references to the environment not filled in
 * @param keysAt the keys that are known in the mapping at a path
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  written: unknown,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): SettingProblem[] {
  const setting = issue.path.join('.') || 'file';
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        setting: [...issue.path, key].join('.'),
        found: 'unknown',
        allowed: describeKeys(key, keysAt(issue.path)),
      }));
    case 'invalid_key':
      return [{ setting, found: 'wrongly named', allowed: issue.issues.map(({ message }) => message).join(', ') }];
    default:
      return [{ setting, found: describeValue(issue.path, written), allowed: describeAllowed(issue) }];
  }
}

/** More are not listed. */
const KEYS_SHOWN_MAX = 20;

function describeKeys(key: string, known: readonly string[]): string {
  const meant = nearestName(key, known);
  if (meant !== undefined) return `nothing of this name; did you mean "${meant}"?`;
  return known.length === 0 || known.length > KEYS_SHOWN_MAX ? 'nothing of this name' : known.join(', ');
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

const UNIT_WORDS: Readonly<Record<string, string>> = { string: ' character', array: ' item', set: ' item' };

function describeAllowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? `a value of type ${issue.expected}`;
    case 'too_small':
      return `at least ${issue.minimum}${UNIT_WORDS[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${UNIT_WORDS[issue.origin] ?? ''}`;
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options) ? issue.options.join(', ') : issue.message;
    default:
      return issue.message;
  }
}

function describeValue(path: readonly PropertyKey[], written: unknown): string {
  let value: unknown = written;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  if (value === undefined || value === null) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  if (value === '') return 'empty';
  const isSecret =
    path.some((key) => SECRET_KEY.test(String(key))) || path[0] === 'instances' || SECRET_TEXT.test(value);
  if (isSecret) return 'a text that is not shown here';
  return `"${value.length > SHOWN_LENGTH_MAX ? `${value.slice(0, SHOWN_LENGTH_MAX - 1)}…` : value}"`;
}
