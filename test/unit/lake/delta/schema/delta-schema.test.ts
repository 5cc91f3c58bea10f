import { describe, expect, it } from 'vitest';
import { dataTypeText } from '../../../../../src/core/data-type.js';
import { isWidening } from '../../../../../src/lake/changes/is-widening.js';
import { parsePrimitiveType } from '../../../../../src/lake/delta/schema/primitive-type.js';
import {
  DeltaLogFolder,
  featureProtocol,
  metaData,
  protocol,
  type SchemaField,
  schemaString,
} from '../../../../support/delta-log-folder.js';

// Goal: a table is refused by the name of what this reader does not know, and its columns come out as declared.

async function open(protocolAction: object, fields: SchemaField[], configuration: object = {}) {
  using folder = new DeltaLogFolder().commit(
    0,
    protocolAction,
    metaData({ schemaString: schemaString(...fields), configuration }),
  );
  return await folder.open();
}

describe('protocol', () => {
  it.each([
    'columnMapping',
    'deletionVectors',
    'timestampNtz',
    'typeWidening',
    'typeWidening-preview',
    'v2Checkpoint',
    'vacuumProtocolCheck',
    'variantType',
    'variantType-preview',
    'variantShredding',
    'variantShredding-preview',
  ])('reads tables with %s', async (feature) => {
    expect((await open(featureProtocol(feature), [{ name: 'id', type: 'long' }])).columns).toHaveLength(1);
  });

  it('refuses a table whose commits a catalog manages, unless they are read from there', async () => {
    const protocol = featureProtocol('deletionVectors', 'catalogManaged');
    await expect(open(protocol, [])).rejects.toMatchObject({ code: 'DELTA_CATALOG_MANAGED' });
  });

  it.each(['catalogOwned', 'catalogOwned-preview', 'geospatial', 'somethingNew', 'toString'])(
    'refuses %s by name',
    async (feature) => {
      await expect(open(featureProtocol('deletionVectors', feature), [])).rejects.toMatchObject({
        code: 'DELTA_UNSUPPORTED_FEATURE',
        message: expect.stringContaining(`reader feature ${feature}`),
      });
    },
  );

  it.each([4, 5, 99])('refuses reader version %i', async (minReaderVersion) => {
    await expect(open({ protocol: { minReaderVersion, minWriterVersion: 7 } }, [])).rejects.toMatchObject({
      code: 'DELTA_UNSUPPORTED_FEATURE',
      message: expect.stringContaining(`reader version ${minReaderVersion}`),
    });
  });

  it('refuses reader version 3 without a list of features', async () => {
    await expect(open({ protocol: { minReaderVersion: 3, minWriterVersion: 7 } }, [])).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
    });
  });

  it('never minds writer versions and writer features', async () => {
    const writerFeatures = ['appendOnly', 'icebergCompatV2', 'clustering', 'rowTracking', 'somethingNew'];
    await open({ protocol: { minReaderVersion: 1, minWriterVersion: 99, writerFeatures } }, []);
  });

  it('refuses data files of another format', async () => {
    using folder = new DeltaLogFolder().commit(0, protocol, metaData({ format: { provider: 'orc' } }));
    await expect(folder.open()).rejects.toMatchObject({
      code: 'DELTA_UNSUPPORTED_FEATURE',
      message: expect.stringContaining('orc'),
    });
  });
});

describe('types', () => {
  it.each([
    'string',
    'long',
    'integer',
    'short',
    'byte',
    'float',
    'double',
    'boolean',
    'binary',
    'date',
    'timestamp',
    'timestamp_ntz',
    'void',
    'variant',
  ])('knows %s', async (type) => {
    expect((await open(protocol, [{ name: 'c', type }])).columns).toEqual([
      { name: 'c', type: { kind: type }, nullable: true, physicalName: 'c' },
    ]);
  });

  it.each([
    ['decimal(10,2)', 10, 2],
    ['decimal(38, 18)', 38, 18],
    ['decimal', 10, 0],
  ])('knows %s', (name, precision, scale) => {
    expect(parsePrimitiveType(name)).toEqual({ kind: 'decimal', precision, scale });
  });

  it.each([
    'interval year to month',
    'geometry(OGC:CRS84)',
    'decimal(39,2)',
    'decimal(5,-2)',
    'decimal(2,5)',
    'constructor',
  ])('keeps %s by name as unsupported', (name) => {
    expect(parsePrimitiveType(name)).toEqual({ kind: 'unsupported', name });
  });

  it('knows nested types and keeps NOT NULL', async () => {
    const inner = { type: 'struct', fields: [{ name: 'x', type: 'long', nullable: false, metadata: {} }] };
    const type = {
      type: 'map',
      keyType: 'string',
      valueType: { type: 'array', elementType: inner, containsNull: true },
      valueContainsNull: true,
    };
    const { columns } = await open(protocol, [{ name: 'm', type, nullable: false }]);
    expect(columns[0]?.nullable).toBe(false);
    expect(columns.map((column) => dataTypeText(column.type))).toEqual(['map<string,array<struct<x:long>>>']);
  });

  it('keeps an unknown nested type by name', async () => {
    const { columns } = await open(protocol, [{ name: 'v', type: { type: 'udt', class: 'x' } }]);
    expect(columns[0]?.type).toEqual({ kind: 'unsupported', name: 'udt' });
  });

  it('gives a table without schema no columns', async () => {
    using folder = new DeltaLogFolder().commit(0, protocol, metaData({ schemaString: undefined }));
    expect((await folder.open()).columns).toEqual([]);
  });

  it.each([
    ['not JSON', '{'],
    ['not a struct', '"long"'],
    ['without fields', '{"type":"struct"}'],
    ['with a number for a type', '{"type":"struct","fields":[{"name":"a","type":1,"nullable":true,"metadata":{}}]}'],
    ['with names equal but for case', schemaString({ name: 'a', type: 'long' }, { name: 'A', type: 'long' })],
  ])('refuses a schema %s', async (_, text) => {
    using folder = new DeltaLogFolder().commit(0, protocol, metaData({ schemaString: text }));
    await expect(folder.open()).rejects.toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
  });
});

describe('column mapping', () => {
  const mapped = (id: number, physicalName: string) => ({
    'delta.columnMapping.id': id,
    'delta.columnMapping.physicalName': physicalName,
  });
  const fields: SchemaField[] = [
    {
      name: 's',
      type: {
        type: 'array',
        elementType: {
          type: 'struct',
          fields: [{ name: 'x', type: 'long', nullable: true, metadata: mapped(2, 'col-x') }],
        },
        containsNull: true,
      },
      metadata: mapped(1, 'col-s'),
    },
  ];
  const version2 = { protocol: { minReaderVersion: 2, minWriterVersion: 5 } };
  const mode = (value: string) => ({ 'delta.columnMapping.mode': value });

  it.each([
    ['reader version 2', version2],
    ['the feature', featureProtocol('columnMapping')],
    ['reader version 1 that does not list it', protocol],
    ['other features alone', featureProtocol('deletionVectors')],
  ])('is honoured with %s, at every level', async (_, protocolAction) => {
    const snapshot = await open(protocolAction, fields, mode('id'));
    expect(snapshot.mappingMode).toBe('id');
    expect(snapshot.columns).toMatchObject([
      {
        name: 's',
        physicalName: 'col-s',
        fieldId: 1,
        type: { element: { fields: [{ name: 'x', physicalName: 'col-x', fieldId: 2 }] } },
      },
    ]);
    expect((await open(protocolAction, fields, mode('name'))).mappingMode).toBe('name');
  });

  it.each([
    ['mode none', version2, mode('none')],
    ['no mode', version2, {}],
  ])('is ignored with %s', async (_, protocolAction, configuration) => {
    const snapshot = await open(protocolAction, fields, configuration);
    expect(snapshot.mappingMode).toBe('none');
    expect(snapshot.columns[0]).toMatchObject({ physicalName: 's' });
    expect(snapshot.columns[0]).not.toHaveProperty('fieldId');
  });

  it('refuses an unknown mode', async () => {
    await expect(open(version2, fields, mode('other'))).rejects.toMatchObject({ code: 'DELTA_UNSUPPORTED_FEATURE' });
  });

  it.each([
    ['name', { 'delta.columnMapping.id': 1 }],
    ['id', { 'delta.columnMapping.physicalName': 'col-a' }],
  ])('refuses mode %s for a column without what it is found by', async (value, metadata) => {
    await expect(open(version2, [{ name: 'a', type: 'long', metadata }], mode(value))).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
      message: expect.stringContaining('"a"'),
    });
  });

  it('keeps partition columns logical and their values under physical names', async () => {
    using folder = new DeltaLogFolder().commit(
      0,
      version2,
      metaData({
        schemaString: schemaString({ name: 'Part', type: 'string', metadata: mapped(1, 'col-p') }),
        partitionColumns: ['Part'],
        configuration: mode('name'),
      }),
      { add: { path: 'f', partitionValues: { 'col-p': 'x' }, size: 1, dataChange: true } },
    );
    const snapshot = await folder.open();
    expect(snapshot.partitionColumns).toEqual(['Part']);
    expect([...(snapshot.files[0]?.partitionValues ?? [])]).toEqual([['col-p', 'x']]);
  });
});

describe('type widening', () => {
  it.each([
    ['byte', 'short'],
    ['byte', 'long'],
    ['short', 'integer'],
    ['integer', 'long'],
    ['float', 'double'],
    ['byte', 'double'],
    ['short', 'double'],
    ['integer', 'double'],
    ['date', 'timestamp_ntz'],
    ['decimal(10,2)', 'decimal(12,2)'],
    ['decimal(10,2)', 'decimal(12,4)'],
    ['byte', 'decimal(10,0)'],
    ['integer', 'decimal(11,1)'],
    ['long', 'decimal(20,0)'],
  ])('accepts %s to %s', (from, to) => {
    expect(isWidening(parsePrimitiveType(from), parsePrimitiveType(to))).toBe(true);
  });

  it.each([
    ['long', 'integer'],
    ['long', 'double'],
    ['integer', 'float'],
    ['integer', 'string'],
    ['date', 'timestamp'],
    ['decimal(10,2)', 'decimal(11,4)'],
    ['decimal(10,2)', 'decimal(12,1)'],
    ['integer', 'decimal(9,0)'],
    ['long', 'decimal(19,0)'],
    ['double', 'decimal(38,0)'],
  ])('refuses %s to %s by column, at any level', async (fromType, toType) => {
    expect(isWidening(parsePrimitiveType(fromType), parsePrimitiveType(toType))).toBe(false);
    const metadata = { 'delta.typeChanges': [{ fromType, toType, tableVersion: 2 }] };
    const fields = [{ name: 'x', type: toType, nullable: true, metadata }];
    await expect(
      open(featureProtocol('typeWidening'), [{ name: 's', type: { type: 'struct', fields } }]),
    ).rejects.toMatchObject({
      code: 'DELTA_UNSUPPORTED_FEATURE',
      message: expect.stringContaining(`"s.x" from ${fromType} to ${toType}`),
    });
  });

  it('accepts a history of allowed changes', async () => {
    const metadata = {
      'delta.typeChanges': [
        { fromType: 'byte', toType: 'integer' },
        { fromType: 'integer', toType: 'long', fieldPath: 'element' },
      ],
    };
    await open(featureProtocol('typeWidening'), [{ name: 'a', type: 'long', metadata }]);
  });

  it('refuses a malformed history', async () => {
    const metadata = { 'delta.typeChanges': 'all' };
    await expect(open(protocol, [{ name: 'a', type: 'long', metadata }])).rejects.toMatchObject({
      code: 'DELTA_LOG_CORRUPT',
    });
  });
});
