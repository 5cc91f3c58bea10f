import { randomBytes } from 'node:crypto';
import { syncedTablesError } from '../../core/errors.js';

/** The largest body that is read. */
export const BODY_BYTES_MAX = 1_048_576;

/** A text, or a comma before a closing bracket. */
const TEXT_OR_TRAILING_COMMA = /("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g;

/**
 * Parses a body whatever its content type. Commas before a closing bracket are ignored, as the examples that people
 * paste contain them. An empty body is an empty object.
 * @throws REQUEST_INVALID
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    try {
      return JSON.parse(text.replace(TEXT_OR_TRAILING_COMMA, (_, quoted: string | undefined) => quoted ?? ''));
    } catch {
      const reason = `the body is not valid JSON (${(error as Error).message.replace(/\.$/, '')})`;
      throw syncedTablesError('REQUEST_INVALID', { reason }, error);
    }
  }
}

/** JSON text in which bigints are numbers with all their digits, as the clients read int64. */
export function stringifyJson(value: unknown): string {
  const mark = randomBytes(12).toString('hex');
  const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${mark}${item}` : item));
  return text.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1');
}
