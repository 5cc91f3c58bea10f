import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openDeltaTable } from '../../../../src/lake/delta/delta-table.js';
import { openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { filesWithMarkedVariants } from '../../../../src/lake/parquet/marked-variants.js';
import { wholeRelation } from '../../../../src/lake/relation/relation.js';
import { localFileStore } from '../../../../src/lake/storage/local-file-store.js';
import { add, DeltaLogFolder, featureProtocol, metaData, schemaString } from '../../../support/delta-log-folder.js';

// Goal: files that carry Parquet's mark for variants and files that do not are told apart by themselves, not by what
// they are read with, and give the same values.

const PAIR = 'struct(metadata blob, "value" blob)';

it('reads marked and unmarked files of one table', async () => {
  await using engine = await openEngine();
  using folder = new DeltaLogFolder();
  const connection = await engine.connect();
  try {
    const file = (name: string) => path.join(folder.root, name);
    const value = `json('{"a":1,"b":["x",null]}')::variant`;
    await connection.run(
      `copy (select 1::bigint as id, ${value} as v) to '${file('marked.parquet')}' (format parquet)`,
    );
    await connection.run(`copy (select 2::bigint as id, cast(variant_to_parquet_variant(v) as ${PAIR}) as v
      from read_parquet('${file('marked.parquet')}')) to '${file('unmarked.parquet')}' (format parquet)`);
    const files = ['marked.parquet', 'unmarked.parquet'];
    expect(await filesWithMarkedVariants(connection, files.map(file))).toEqual(new Set([file('marked.parquet')]));

    const columns = schemaString({ name: 'id', type: 'long' }, { name: 'v', type: 'variant' });
    const adds = files.map((name) => add(name, { size: statSync(file(name)).size }));
    folder.commit(0, featureProtocol('variantType'), metaData({ schemaString: columns }), ...adds);
    const table = openDeltaTable({
      engine,
      store: localFileStore,
      root: folder.root,
      tableName: 'lake.test.t',
      allowOutsidePaths: false,
      partitionTimeZone: 'UTC',
    });
    await using relation = await table.openRelation(await table.snapshot(), 1);
    const rows = await connection.runAndReadAll(`select id::integer, v from (${wholeRelation(relation)}) order by id`);
    const json = '{"a":1,"b":["x",null]}';
    expect(rows.getRowsJson()).toEqual([
      [1, json],
      [2, json],
    ]);
  } finally {
    connection.closeSync();
  }
});

it('finds none where there are no variants', async () => {
  await using engine = await openEngine();
  const folder = mkdtempSync(path.join(tmpdir(), 'variants-'));
  const connection = await engine.connect();
  try {
    const file = path.join(folder, 'plain.parquet');
    await connection.run(`copy (select 1 as "VARIANT", 'VARIANT' as "a VARIANT b") to '${file}' (format parquet)`);
    expect(await filesWithMarkedVariants(connection, [file])).toEqual(new Set());
  } finally {
    connection.closeSync();
    rmSync(folder, { recursive: true });
  }
});
