import { expect, it } from 'vitest';
import type { DataType, Field } from '../../../src/core/data-type.js';
import type { AutoCdcFlow } from '../../../src/core/flows/auto-cdc-flow.js';
import type { FlowOptions } from '../../../src/core/flows/flow-options.js';
import { declareFlow } from '../../../src/flows/declare/declare-flow.js';
import { flowSourceColumn, resolveFlow } from '../../../src/flows/declare/resolve-flow.js';
import { flowVectors } from '../../support/flow-vectors.js';

// Goal: what a declaration gets wrong is told by its code, before any row is read.

const TYPES: Readonly<Record<string, DataType>> = {
  int: { kind: 'integer' },
  bigint: { kind: 'long' },
  text: { kind: 'string' },
  json: { kind: 'variant' },
  'text[]': { kind: 'array', element: { kind: 'string' } },
};

function fields(columns: readonly (readonly [string, string])[]): Field[] {
  return columns.map(([name, type]) => ({
    name,
    type: TYPES[type] ?? { kind: 'void' },
    nullable: true,
    physicalName: name,
  }));
}

function resolve(kind: 'changes' | 'snapshot', columns: readonly Field[], options: FlowOptions): AutoCdcFlow {
  const declared = declareFlow('f', kind, options);
  const sequence = columns.find((column) => column.name === declared.sequenceBy)?.type ?? { kind: 'timestamp' };
  const target = { schema: 's', table: 't', fullName: 's.t', createdBy: 'me', tombstoneSeconds: null };
  return resolveFlow({ declared, target, columns: columns.map(flowSourceColumn), sequence, stored: null }).flow;
}

const known = flowVectors();
if (known === null) it.skip('the vectors lie beside the repository, which is not the case here', () => {});

it.each(known?.errors ?? [])('vector $name', ({ api, columns, options, expect_definition_error: code }) => {
  const kind = api === 'apply_changes' ? 'changes' : 'snapshot';
  expect(() => resolve(kind, fields(columns), options as unknown as FlowOptions)).toThrow(
    expect.objectContaining({ code }),
  );
});

const columns = fields([
  ['id', 'int'],
  ['Name', 'text'],
  ['city', 'text'],
  ['op', 'text'],
  ['seq', 'bigint'],
  ['cols', 'text[]'],
]);

it('resolves names without regard to capitals, in the order and spelling of the source', () => {
  const flow = resolve('changes', columns, {
    keys: ['ID'],
    sequence_by: 'seq',
    column_list: ['CITY', 'id', 'name'],
    stored_as_scd_type: '2',
    track_history_column_list: ['ID', 'NAME'],
    ignore_null_updates_column_list: ['City'],
  });
  expect(flow).toMatchObject({ keyColumns: ['id'], trackedColumns: ['Name'], ignoreNullColumns: ['city'], scdType: 2 });
  expect(flow.columns.map((column) => column.name)).toEqual(['id', 'Name', 'city']);
  expect(flow.sequence).toEqual({ kind: 'column', fields: [{ name: 'sequence', postgresType: 'bigint' }] });
});

it('leaves the list of columns to update out of the target unless it is asked for', () => {
  const options = { keys: ['id'], sequence_by: 'seq', columns_to_update: 'cols' };
  const names = (flow: AutoCdcFlow) => flow.columns.map((column) => column.name);
  expect(names(resolve('changes', columns, options))).not.toContain('cols');
  expect(names(resolve('changes', columns, { ...options, column_list: ['id', 'cols'] }))).toEqual(['id', 'cols']);
});

it('takes an empty EXCEPT list for all', () => {
  const flow = resolve('changes', columns, {
    keys: ['id'],
    sequence_by: 'seq',
    ignore_null_updates_except_column_list: [],
  });
  expect(flow.ignoreNullColumns).toEqual(['Name', 'city', 'op', 'seq', 'cols']);
});

it('orders by a struct of columns, not by one with a nested value', () => {
  const member = (name: string, type: DataType): Field => ({ name, type, nullable: true, physicalName: name });
  const declared = declareFlow('f', 'changes', { keys: ['id'], sequence_by: { struct: ['seq', 'id'] } });
  const target = { schema: 's', table: 't', fullName: 's.t', createdBy: 'me', tombstoneSeconds: null };
  const resolved = (fieldsOf: Field[]) =>
    resolveFlow({
      declared,
      target,
      columns: columns.map(flowSourceColumn),
      sequence: { kind: 'struct', fields: fieldsOf },
      stored: null,
    });
  expect(declared.sequenceBy).toBe('struct(seq, id)');
  expect(resolved([member('seq', { kind: 'long' }), member('id', { kind: 'integer' })]).flow.sequence.kind).toBe(
    'struct',
  );
  expect(() => resolved([member('x', { kind: 'variant' })])).toThrow(
    expect.objectContaining({ code: 'AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE' }),
  );
});
