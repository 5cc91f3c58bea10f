import { expect, it } from 'vitest';
import { toErrorReply } from '../../../src/api/server/error-reply.js';
import { inPageWords, withoutPointer } from '../../../src/console/words/refusals.js';
import { type ErrorCode, errorCatalogue } from '../../../src/core/error-catalogue.js';
import { SyncedTablesError } from '../../../src/core/errors.js';
import { describeKeys } from '../../../src/core/failing-rows.js';

// Goal: nobody who looks at a page is sent to a call of the API; everything else is told as the server says it.

/** As the server answers, and as the console takes its answer. */
function answerOf(code: ErrorCode) {
  const { message, remedy } = errorCatalogue[code];
  const filled = (text: string) => text.replaceAll('{meant}', '').replace(/\{\w+\}/g, 'a.b');
  const { body } = toErrorReply(new SyncedTablesError(code, filled(message), filled(remedy)), { id: 'r' });
  const parts = body.details[0]?.metadata as { readonly message: string; readonly remedy?: string };
  return { message: body.message, parts, told: inPageWords({ code, message: body.message, reason: parts.message }) };
}

const CALL = /\b(GET|POST|PUT|PATCH|DELETE) \//;
const codes = Object.keys(errorCatalogue) as ErrorCode[];

it('tells every refusal of the catalogue without calls', () => {
  const sent = codes.filter((code) => CALL.test(answerOf(code).message));
  expect(sent.length).toBeGreaterThan(10);
  for (const code of sent) {
    const { told, parts } = answerOf(code);
    expect(told, code).not.toMatch(CALL);
    // What happened stays.
    expect(parts.message.length, code).toBeGreaterThan(10);
    expect(told.startsWith(parts.message), `${code}: ${told}`).toBe(true);
  }
});

it('tells what the server says wherever its advice is no call, but for what pages do in their own way', () => {
  const others = codes.filter(
    (code) => !CALL.test(answerOf(code).message) && answerOf(code).told !== answerOf(code).message,
  );
  expect(others).toEqual(['SCHEDULE_ON_CONTINUOUS']);
});

it('has both parts of an answer one after the other in its message', () => {
  for (const code of codes) {
    const { message, parts } = answerOf(code);
    expect([parts.message, parts.remedy].filter((part) => part !== undefined).join(' '), code).toBe(message);
  }
});

it('says what a person can do about a table that is not there', () => {
  expect(answerOf('SYNCED_TABLE_NOT_FOUND').told).toBe(
    'Synced table a.b does not exist. It may have been renamed or deleted, or your role may not see it. “Tables” lists those that your role may see.',
  );
});

it('keeps the words of whatever else answered', () => {
  expect(inPageWords({ code: null, message: 'Bad gateway.', reason: null })).toBe('Bad gateway.');
  // An older sidecar, which does not tell the parts apart.
  expect(inPageWords({ code: 'TOKEN_NOT_FOUND', message: 'Token a does not exist.', reason: null })).toBe(
    'Token a does not exist.',
  );
});

it('leaves out of a failure the name of a column whose keys its page shows beside it', () => {
  for (const keys of [['17'], ['17', '4711']]) {
    expect(withoutPointer(`Source a has several rows for one key${describeKeys({ keys })}.`)).toBe(
      'Source a has several rows for one key.',
    );
  }
});
