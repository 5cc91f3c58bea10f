import { expect, it } from 'vitest';
import { syncedTablesError } from '../../../src/core/errors.js';

// Goal: a message repeats of what it was given as much as helps, whatever the length.

it('shows the beginning and the end of a value that is too long', () => {
  const { message } = syncedTablesError('SOURCE_NAME_INVALID', { name: `begin${'x'.repeat(100_000)}end`, problem: '' });
  expect(message.length).toBeLessThan(11_000);
  expect(message).toMatch(/^Source table name "beginx+ … x+end" is not of the form/);
});
