import { readFileSync } from 'node:fs';
import { sharedData } from './shared-data.js';

/** What the last column of the shared data's README says of a Delta table. */
export type Expectation =
  | { readonly kind: 'rows'; readonly rows: bigint; readonly rowsByVersion: ReadonlyMap<bigint, bigint> }
  | { readonly kind: 'liveFiles'; readonly count: number }
  | { readonly kind: 'refused' }
  | { readonly kind: 'broken' };

/** One entry for each Delta table of the README; none where the data is absent. */
export function readExpectations(): [table: string, Expectation][] {
  const shared = sharedData();
  if (shared === null) return [];
  const section = readFileSync(`${shared}/README.md`, 'utf8').split('## Delta tables')[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|.*\| ([^|]+) \|$/gm)].map(([, name = '', text = '']) => [
    name,
    parseExpectation(text),
  ]);
}

function parseExpectation(text: string): Expectation {
  const liveFiles = /(\d+) live files/.exec(text);
  if (liveFiles) return { kind: 'liveFiles', count: Number(liveFiles[1]) };
  if (text.startsWith('must be refused')) return { kind: 'refused' };
  if (text.startsWith('must fail')) return { kind: 'broken' };
  const rows = /^(\d+) rows/.exec(text)?.[1];
  if (rows === undefined) throw new Error(`the README says something new: ${text}`);
  const byVersion = [...text.matchAll(/v(\d+): (\d+) rows/g)].map(
    ([, v, n]) => [BigInt(v ?? 0), BigInt(n ?? 0)] as const,
  );
  return { kind: 'rows', rows: BigInt(rows), rowsByVersion: new Map(byVersion) };
}
