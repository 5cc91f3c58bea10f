import { describe, expect, it } from 'vitest';
import { fileList, listElement, mapEntry, type ParquetNode } from '../../../../src/lake/parquet/parquet-schema.js';

// Goal: lists and maps are found in every layout that the Parquet format allows ("Lists", backward-compatibility rules).

function node(name: string, parts: Partial<ParquetNode> = {}): ParquetNode {
  const leaf = { physicalType: 'INT32', duckDbType: 'INTEGER', repetition: 'OPTIONAL', convertedType: null };
  return { name, ...leaf, logicalType: null, fieldId: null, children: [], ...parts };
}

function group(name: string, repetition: string, ...children: ParquetNode[]): ParquetNode {
  return node(name, { physicalType: null, duckDbType: null, repetition, children });
}

describe('listElement', () => {
  it.each([
    ['three levels, list and element', group('list', 'REPEATED', node('element')), 'element'],
    ['three levels, bag and array_element', group('bag', 'REPEATED', node('array_element')), 'array_element'],
    ['three levels, pyarrow', group('list', 'REPEATED', node('item')), 'item'],
    ['two levels, a repeated leaf', node('element', { repetition: 'REPEATED' }), 'element'],
    ['two levels, a repeated group of several members', group('element', 'REPEATED', node('a'), node('b')), 'element'],
    ['two levels, a group called array', group('array', 'REPEATED', node('a')), 'array'],
    ['two levels, a group called like the list', group('l_tuple', 'REPEATED', node('a')), 'l_tuple'],
  ])('%s', (_, repeated, name) => {
    expect(listElement(group('l', 'OPTIONAL', repeated))?.name).toBe(name);
  });

  it('keeps the members of an element that is a group', () => {
    const element = group('element', 'OPTIONAL', node('a'), node('b'));
    expect(listElement(group('l', 'OPTIONAL', group('list', 'REPEATED', element)))).toBe(element);
  });

  it('gives nothing for what is no list', () => {
    expect(listElement(node('l'))).toBeNull();
    expect(listElement(group('l', 'OPTIONAL', node('a')))).toBeNull();
    expect(listElement(group('l', 'OPTIONAL'))).toBeNull();
  });
});

describe('mapEntry', () => {
  it.each(['key_value', 'map', 'entries'])('finds key and value in a group called %s', (name) => {
    const map = group('m', 'OPTIONAL', group(name, 'REPEATED', node('key'), node('value')));
    expect(mapEntry(map)).toMatchObject({ key: { name: 'key' }, value: { name: 'value' } });
  });

  it('takes a map without values for a set of keys', () => {
    expect(mapEntry(group('m', 'OPTIONAL', group('key_value', 'REPEATED', node('key'))))?.value).toBeNull();
  });

  it('gives nothing for what is no map', () => {
    expect(mapEntry(node('m'))).toBeNull();
  });
});

describe('fileList', () => {
  it('takes names for names, whatever they mean to a glob or to SQL', () => {
    expect(fileList(['/a*b', '/a?b', '/a[b]', "/it's"])).toBe("['/a[*]b', '/a[?]b', '/a[[]b]', '/it''s']");
  });
});
