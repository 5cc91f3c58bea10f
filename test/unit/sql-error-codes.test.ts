import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { errorCatalogue } from '../../src/core/error-catalogue.js';
import { sqlDir } from '../../src/postgres/install/migration-files.js';

// Goal: every error code that the SQL raises is in the catalogue, with the same SQLSTATE.

/** Every `code, SQLSTATE` that the SQL raises, in either way it does. */
async function codesRaisedBySql(): Promise<Map<string, string>> {
  const files = (await readdir(sqlDir, { recursive: true })).filter(
    (file) => file.endsWith('.sql') && !file.startsWith('databricks_auth'),
  );
  const sql = (await Promise.all(files.map((file) => readFile(path.join(sqlDir, file), 'utf8')))).join('\n');
  const raised = [
    ...sql.matchAll(/_raise\('(?<code>\w+)',\s*'(?<state>\w{5})'/g),
    ...sql.matchAll(/errcode = '(?<state>\w{5})', detail = 'error code: (?<code>\w+)'/g),
    ...sql.matchAll(/errcode = '(?<state>\w{5})', detail = 'error code: ' \|\| coalesce\([\w.]+, '(?<code>\w+)'\)/g),
  ];
  return new Map(raised.map(({ groups }) => [groups?.code ?? '', groups?.state ?? '']));
}

it('raises from SQL only codes of the catalogue, under the same SQLSTATE', async () => {
  const raised = await codesRaisedBySql();
  expect(raised.size).toBeGreaterThan(20);
  const states = Object.fromEntries(
    [...raised].map(([code]) => [code, (errorCatalogue as Record<string, { sqlState: string }>)[code]?.sqlState]),
  );
  expect(Object.fromEntries(raised)).toEqual(states);
});
