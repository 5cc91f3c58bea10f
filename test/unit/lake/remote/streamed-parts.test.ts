import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { csvRows } from '../../../../src/lake/remote/csv-rows.js';
import type { RowProducer } from '../../../../src/lake/remote/row-source.js';
import { streamedParts } from '../../../../src/lake/remote/streamed-parts.js';

// Goal: producers that are faster than their readers wait for room, without a part lost or doubled, and whoever needs all parts
// at once is told when there is no room for them.

const scratchFolder = mkdtempSync(path.join(tmpdir(), 'streamed-'));
afterAll(() => rmSync(scratchFolder, { recursive: true, force: true }));

const ROWS = 400;

/** Three producers of rows of a hundred bytes, far more together than the room for them. */
function parts(rows = ROWS) {
  const producer =
    (name: number): RowProducer =>
    async (sink) => {
      for (let row = 0; row < rows; row++) {
        const line = `"${name}-${row}","${'x'.repeat(100)}"\n`;
        await sink.append(Buffer.from(line), line.length);
      }
    };
  return streamedParts({
    tableName: 'erp.s.t',
    scratchFolder,
    bytesMax: 8_000,
    format: csvRows,
    begin: () => [0, 1, 2].map(producer),
    select: (file) => file,
    selectNone: 'none',
  });
}

it('hands over all rows once, however little room there is', async () => {
  const found: string[] = [];
  await using pass = parts().begin();
  const read = async () => {
    for (let part = await pass.next(); part !== null; part = await pass.next()) {
      // Time passes, in which producers run into the limit.
      await new Promise((resolve) => setTimeout(resolve, 1));
      found.push(
        ...readFileSync(part.select, 'utf8')
          .split('\n')
          .filter((line) => line !== ''),
      );
      await part[Symbol.asyncDispose]();
    }
  };
  await Promise.all([read(), read()]);
  expect(found).toHaveLength(3 * ROWS);
  expect(new Set(found).size).toBe(3 * ROWS);
}, 20_000);

it('has one part if there are no rows, for whoever needs all as one', async () => {
  await using pass = parts(0).begin();
  expect((await pass.next())?.select).toBe('none');
  expect(await pass.next()).toBe(null);
});

it('says that there is no room for whoever keeps all parts', async () => {
  const held: AsyncDisposable[] = [];
  const pass = parts().begin(undefined, true);
  const readAll = async () => {
    for (let part = await pass.next(); part !== null; part = await pass.next()) held.push(part);
  };
  await expect(readAll()).rejects.toMatchObject({ code: 'SPOOL_TOO_SMALL' });
  expect(held.length).toBeGreaterThan(1);
  await pass[Symbol.asyncDispose]();
  expect(readdirSync(scratchFolder)).toEqual([]);
});
