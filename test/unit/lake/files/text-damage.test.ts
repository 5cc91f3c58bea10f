import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainReadError } from '../../../../src/cli/reading/explain-read-error.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { beginPass, partsOf } from '../../../../src/lake/relation/relation-pass.js';
import { settingsSchema } from '../../../../src/settings/settings-schema.js';
import { openCatalogs } from '../../../../src/sidecar/open-catalogs.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';

// Goal: a value of a text file that does not fit is told as that, with file and line, and not as a damaged Parquet file.

let engine: Engine;
let root: string;
let store: S3FolderServer;
beforeAll(async () => {
  engine = await openEngine();
  root = mkdtempSync(path.join(tmpdir(), 'test-text-'));
  store = await S3FolderServer.start(root);
  writeFileSync(path.join(root, 'a.csv'), 'region,amount\nnorth,1.5\nsouth,4711x\n');
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

describe.each(['disk', 'store'] as const)('a text file of the %s', (place) => {
  it.each(['f.raw.typed', 'v.v.typed'])('is told by its line where %s is read', async (name) => {
    const tables = { 'raw.typed': { path: '*.csv', columns: { region: 'string', amount: 'double' } } };
    const f =
      place === 'disk'
        ? { kind: 'files', root, tables }
        : { kind: 'files', root: `s3://${BUCKET}`, storage: store.settings, tables };
    const v = { kind: 'views', views: { 'v.typed': 'SELECT amount FROM f.raw.typed' } };
    const table = await openCatalogs(settingsSchema.parse({ catalogs: { f, v } }), engine).open(name);
    const snapshot = await table.snapshot();
    await using relation = await table.openRelation(snapshot, 1);
    const connection = await engine.connect();
    const pass = beginPass(relation);
    const failure: unknown = await (async () => {
      for await (const part of partsOf(pass)) await connection.runAndReadAll(part);
    })().catch((error: unknown) => error);
    await pass[Symbol.asyncDispose]();
    connection.closeSync();
    const context = { engine, relation, table: name, keyColumns: [], columns: [] };
    const told = await explainReadError(failure, context);
    expect(told).toMatchObject({
      code: expect.not.stringContaining('CORRUPT'),
      message: expect.stringContaining('line 3 of a.csv does not fit the columns'),
    });
    expect(String(told)).not.toContain('4711');
  });
});
