import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sqlDir } from '../../src/postgres/install/migration-files.js';
import { readDefinitions, readSqlLayer } from '../../src/postgres/install/sql-layer.js';

// Goal: numbered files are run in the order of a listing, never change once they are released, and hold no routine of the
// layer; every object of sql/ stands in one file.

async function readNumbered(): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(sqlDir)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(path.join(sqlDir, name), 'utf8') })));
}

it('numbers files from 0001 without a gap', async () => {
  const names = (await readNumbered()).map(({ name }) => name);
  expect(names.map((name) => /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1])).toEqual(
    names.map((_, place) => String(place + 1).padStart(4, '0')),
  );
});

it('leaves released files as they were: sql/released.sha256 has those of each release, as sha256sum writes them', async () => {
  const lines = (await readFile(path.join(sqlDir, 'released.sha256'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  for (const line of lines) {
    const name = line.slice(66);
    const found = createHash('sha256').update(await readFile(path.join(sqlDir, name)));
    expect(`${found.digest('hex')}  ${name}`).toBe(line);
  }
});

it('marks a breaking file with its own number', async () => {
  for (const { name, text } of await readNumbered()) {
    const [, marked] = /set newest_breaking = (\d+)/.exec(text) ?? [];
    if (marked !== undefined) expect(marked, name).toBe(String(Number.parseInt(name, 10)));
  }
});

it('holds in numbered files no routine but the two that columns depend on, and calls none of the layer', async () => {
  const layer = await readSqlLayer(sqlDir);
  const made = layer.numbered.filter(({ kind }) => kind !== 'table').map(({ identity }) => identity);
  expect(made).toEqual(['databricks_auth.place()', 'synced_tables_internal._display_name(text, text)']);
  const names = layer.routines.map(({ identity }) => identity.replace(/\(.*/, ''));
  for (const { name, text } of await readNumbered()) {
    const code = text.replace(/^\s*--.*$/gm, '');
    expect(
      names.filter((routine) => code.includes(`${routine}(`)),
      name,
    ).toEqual([]);
  }
});

it('has each object once', async () => {
  const { numbered, routines } = await readSqlLayer(sqlDir);
  const objects = [...numbered, ...routines].map(({ kind, identity }) => `${kind} ${identity}`);
  expect(objects.filter((object, place) => objects.indexOf(object) !== place)).toEqual([]);
  expect(objects.length).toBeGreaterThan(250);
});

it('names in a file of routines what the objects in it are called', () => {
  const text = `-- A concept.

-- for: managers
create or replace function synced_tables_served.f(a text, b int default 1) returns void language sql as '';
comment on function synced_tables_served.f(text, int) is 'Does it.';

-- Why.
-- for: owner
create or replace trigger t after insert on synced_tables._x for each row execute function synced_tables_internal._y();
`;
  expect(readDefinitions('routines/x.sql', text)).toMatchObject([
    { kind: 'function', identity: 'synced_tables_served.f(text, int)', audience: 'managers' },
    { kind: 'trigger', identity: 't on synced_tables._x', audience: 'owner' },
  ]);
});
