import { expect, it } from 'vitest';
import { asSyncedTablesError } from '../../../src/core/errors.js';
import { type DeclaredRows, parseTableDeclaration } from '../../../src/postgres/registry/flow-declarations.js';

// Goal: what the registry has of a streaming table is read as it was declared, by every way to declare it; what does not
// parse is told with pipeline, streaming table and flow.

const FLOW = {
  name: 'f',
  kind: 'changes',
  createdBy: 'owner',
  source: { kind: 'name', parts: ['lake', 'bronze', 'events'], isChangeFeed: true },
  options: { keys: ['id'], sequence_by: 'seq', once: false },
} as const;

function rows(declared: unknown, flow: Partial<DeclaredRows['flows'][number]> = {}): DeclaredRows {
  return { pipelineId: 'p', fullName: 'gold.people', declared, flows: [{ ...FLOW, ...flow }] };
}

it('reads what was declared', () => {
  const declared = { columns: [{ name: 'id', type: 'int' }], comment: 'people', tombstoneSeconds: 60 };
  expect(parseTableDeclaration(rows(declared))).toEqual({ ...declared, flows: [FLOW] });
});

it('takes what is left out as not said', () => {
  const { source: _, ...said } = FLOW;
  const source = { kind: 'name', parts: ['v'] };
  expect(parseTableDeclaration(rows({}, { source }))).toEqual({
    columns: null,
    comment: null,
    tombstoneSeconds: null,
    flows: [{ ...said, source: { ...source, isChangeFeed: false } }],
  });
});

it.each([
  ['a table', rows({ tombstoneSeconds: 'soon' }), 'streaming table gold.people', 'tombstoneSeconds: '],
  ['no table', rows([]), 'streaming table gold.people', 'Invalid input'],
  ['a source', rows({}, { source: { kind: 'topic' } }), 'flow f into streaming table gold.people', 'kind: '],
  [
    'options',
    rows({}, { options: { keys: ['id', 7] } }),
    'flow f into streaming table gold.people',
    'keys.1: Invalid input: expected string, received number',
  ],
])('says where %s does not parse', (_, given, what, reason) => {
  const error = asSyncedTablesError(parseTableDeclaration(given));
  expect(error?.code).toBe('PIPELINE_DECLARATION_INVALID');
  expect(error?.message).toContain(`What pipeline p declares of ${what} cannot be read: ${reason}`);
});
