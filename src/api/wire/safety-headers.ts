/**
 * Headers of every answer. Answers are data: browsers neither keep, frame, guess at nor run them. Documents, which are
 * the same for everybody, set some of their own.
 */
export const SAFETY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;
