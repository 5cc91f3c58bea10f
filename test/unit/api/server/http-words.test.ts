import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inFieldWords, inHttpWords, isForPsql, refusalInHttpWords } from '../../../../src/api/server/http-words.js';
import { unknownFieldsBeside } from '../../../../src/api/server/unknown-fields.js';
import { maybe } from '../../../../src/api/wire/wire-fields.js';
import { type ErrorCode, errorCatalogue } from '../../../../src/core/error-catalogue.js';
import { SyncedTablesError } from '../../../../src/core/errors.js';

// Goal: whoever sends requests is told what to do in requests, not at a psql prompt, and which field is meant.

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('remedies over HTTP', () => {
  it('advise nothing that only somebody in psql can do, whatever the error', () => {
    expect(codes.filter((code) => isForPsql(errorCatalogue[code].remedy)).length).toBeGreaterThan(20);
    for (const code of codes) {
      const { message, remedy } = errorCatalogue[code];
      const told = inHttpWords(new SyncedTablesError(code, message, remedy));
      expect([code, isForPsql(told.remedy)]).toEqual([code, false]);
      expect([code, told.remedy === '']).toEqual([code, false]);
    }
  });

  it('are those of the catalogue where these suit everybody', () => {
    const error = new SyncedTablesError('SCHEMA_RESERVED', 'No.', 'Choose another schema.');
    expect(inHttpWords(error)).toBe(error);
  });

  it.each([
    ['permission denied for schema synced_tables', /may not create or change synced tables/],
    ['permission denied for function create_synced_table', /may not create or change synced tables/],
    ['permission denied for table orders', /^permission denied for table orders$/],
  ])('says of "%s" what it means', (reason, told) => {
    expect(refusalInHttpWords(reason)).toMatch(told);
  });

  it.each([
    ['Invalid input: expected string, received undefined', 'it is missing'],
    ['Invalid input: expected string, received number', 'expected string, received number'],
  ])('says %s as %s', (message, told) => {
    expect(inFieldWords(message)).toBe(told);
  });
});

describe('unknownFieldsBeside', () => {
  const schema = z.object({ name: z.string(), spec: maybe(z.object({ keys: maybe(z.array(z.string())) })) });
  it.each([
    ['spec.keys', { spec: { key: ['id'] } }, ['key']],
    ['name', { nmae: 'x', spec: {} }, ['nmae']],
    ['spec.keys', { spec: null }, []],
    ['spec.keys', 'no object', []],
  ])('finds beside %s of %j: %j', (field, body, found) => {
    expect(unknownFieldsBeside(schema, body, field)).toEqual(found);
  });
});
