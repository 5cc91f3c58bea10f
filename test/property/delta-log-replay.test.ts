import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeltaFile } from '../../src/lake/delta/snapshot/delta-snapshot.js';
import { add, DeltaLogFolder, digits, metaData, protocol, remove, vector } from '../support/delta-log-folder.js';
import { propertySeed } from '../support/property-seed.js';

// Goal: whatever mixture of checkpoints and compactions stands for the commits of a history, every version has the
// files that a naive replay of all commits gives.

const seed = propertySeed('log replay');

/** What one commit does to one of a few files. */
interface Change {
  readonly file: number;
  readonly kind: 'put' | 'drop' | 'setVector';
  readonly vector: number;
}

const change = fc.record<Change>({
  file: fc.nat({ max: 5 }),
  kind: fc.constantFrom('put', 'drop', 'setVector'),
  vector: fc.nat({ max: 3 }),
});
const history = fc.record({
  commits: fc.array(fc.uniqueArray(change, { maxLength: 4, selector: ({ file }) => file }), {
    minLength: 1,
    maxLength: 8,
  }),
  checkpoints: fc.uniqueArray(fc.nat({ max: 8 }), { maxLength: 2 }),
  compactions: fc.array(fc.tuple(fc.nat({ max: 8 }), fc.nat({ max: 8 })), { maxLength: 2 }),
  sidecars: fc.boolean(),
  addsFirst: fc.boolean(),
});

/** The naive model: for each file the number of its vector (0 is none), absent if the file is not live. */
type Model = ReadonlyMap<number, number>;

function descriptorOf(number: number) {
  return number === 0 ? {} : { deletionVector: vector(`v${number}`) };
}

/** Files are spelled differently each time. */
function spelling(file: number, salt: number): string {
  return [`dir/f${file}`, `./dir/f${file}`, `dir/%66${file}`][salt % 3] ?? '';
}

function step(model: Model, changes: readonly Change[], version: number): { model: Model; actions: object[] } {
  const next = new Map(model);
  const actions: object[] = [];
  for (const { file, kind, vector: wanted } of changes) {
    const before = next.get(file);
    const number = kind === 'setVector' ? wanted : 0;
    if (before !== undefined && (kind === 'drop' || before !== number)) {
      actions.push(remove(spelling(file, version), descriptorOf(before)));
      next.delete(file);
    }
    if (kind === 'drop') continue;
    actions.push(add(spelling(file, version + 1), descriptorOf(number)));
    next.set(file, number);
  }
  return { model: next, actions };
}

/** A range of commits in one file: the last word on every key they mention. */
function compact(commits: readonly object[][]): object[] {
  const last = new Map<string, object>();
  for (const actions of commits) {
    for (const action of [...actions.filter((a) => 'remove' in a), ...actions.filter((a) => 'add' in a)]) {
      const body = Object.values(action)[0] as { path: string; deletionVector?: { pathOrInlineDv: string } };
      const name = body.path.replace('./', '').replace('%66', 'f');
      last.set(`${name} ${body.deletionVector?.pathOrInlineDv}`, action);
    }
  }
  return [...last.values()];
}

function textOf(files: readonly DeltaFile[]): string[] {
  return files.map((file) => `${file.path.slice(-2)} ${file.deletionVector?.pathOrInlineDv ?? 'v0'}`).sort();
}

it('gives every version its files', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ commits, checkpoints, compactions, sidecars, addsFirst }) => {
      using folder = new DeltaLogFolder();
      const models: Model[] = [new Map()];
      const written: object[][] = [];
      folder.create();
      for (const [i, changes] of commits.entries()) {
        const { model, actions } = step(models.at(-1) ?? new Map(), changes, i + 1);
        models.push(model);
        written.push(actions);
        const ordered = addsFirst ? actions.toSorted((a, b) => ('add' in a ? 0 : 1) - ('add' in b ? 0 : 1)) : actions;
        folder.commit(i + 1, { commitInfo: {} }, ...ordered);
      }
      for (const version of checkpoints) {
        const model = models[version];
        if (!model) continue;
        const adds = [...model].map(([file, number]) => add(spelling(file, number), descriptorOf(number)));
        if (sidecars) folder.write(`_sidecars/s${version}.parquet`, [...adds, remove('gone')]);
        const content = sidecars ? [{ sidecar: { path: `s${version}.parquet` } }] : adds;
        folder.write(`${digits(version)}.checkpoint.parquet`, [protocol, metaData(), ...content]);
      }
      for (const [from, to] of compactions) {
        if (from < 1 || to <= from || to > commits.length) continue;
        const content = [{ txn: { appId: 'x', version: 1 } }, ...compact(written.slice(from - 1, to))];
        folder.write(`${digits(from)}.${digits(to)}.compacted.json`, content);
      }
      for (const [version, model] of models.entries()) {
        const wanted = [...model].map(([file, number]) => `f${file} v${number}`).sort();
        expect(textOf((await folder.open({ version: BigInt(version) })).files)).toEqual(wanted);
      }
    }),
    { seed, numRuns: 150 },
  );
});
