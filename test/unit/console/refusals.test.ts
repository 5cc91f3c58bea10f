import { expect, it } from 'vitest';
import { toErrorReply } from '../../../src/api/server/error-reply.js';
import { inPageWords, inProblemWords } from '../../../src/console/words/refusals.js';
import { type ErrorCode, errorCatalogue } from '../../../src/core/error-catalogue.js';
import { SyncedTablesError } from '../../../src/core/errors.js';
import { describeKeys } from '../../../src/core/failing-rows.js';

// Goal: nobody who looks at a page is sent to a call of the API; everything else is told as the server says it.

/** As the server answers. */
function answerOf(code: ErrorCode): string {
  const { message, remedy } = errorCatalogue[code];
  const filled = (text: string) => text.replaceAll('{meant}', '').replace(/\{\w+\}/g, 'a.b');
  return toErrorReply(new SyncedTablesError(code, filled(message), filled(remedy)), { id: 'r' }).body.message;
}

const CALL = /\b(GET|POST|PUT|PATCH|DELETE) \//;
const codes = Object.keys(errorCatalogue) as ErrorCode[];

it('tells every refusal of the catalogue without calls', () => {
  const sent = codes.filter((code) => CALL.test(answerOf(code)));
  expect(sent.length).toBeGreaterThan(10);
  for (const code of sent) {
    const told = inPageWords(code, answerOf(code));
    expect(told, code).not.toMatch(CALL);
    // What happened stays.
    expect(told.length, code).toBeGreaterThan(10);
    expect(answerOf(code).startsWith(told.split(/\. (?=[“A-Z])/)[0] ?? '?'), `${code}: ${told}`).toBe(true);
  }
  for (const code of codes.filter((each) => !sent.includes(each))) {
    expect(inPageWords(code, answerOf(code))).toBe(answerOf(code));
  }
});

it('says what a person can do about a table that is not there', () => {
  expect(inPageWords('SYNCED_TABLE_NOT_FOUND', answerOf('SYNCED_TABLE_NOT_FOUND'))).toBe(
    'Synced table a.b does not exist. It may have been renamed or deleted, or your role may not see it. “Tables” lists those that your role may see.',
  );
});

it('leaves out of a failure what its page shows beside it', () => {
  const failed = describeKeys({ keys: ['17', '4711'] });
  expect(inProblemWords(`Source a has several rows for one key${failed}.`)).toBe(
    'Source a has several rows for one key.',
  );
  const { message, remedy } = errorCatalogue.SYNCED_TABLE_DROPPED;
  expect(inProblemWords(`${message} ${remedy}`)).toBe(message);
  expect(inProblemWords('Paused by ada since 9: synced_tables.resume_pipeline ends that. Well.')).toBe(
    'Paused by ada since 9. Well.',
  );
});
