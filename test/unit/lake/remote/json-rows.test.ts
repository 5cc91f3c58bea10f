import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, membersOf } from '../../../../src/lake/remote/json-rows.js';
import { propertySeed } from '../../../support/property-seed.js';

// Goal: the values of an answer are found without parsing them, whatever they hold.

describe('members of an object', () => {
  it('are the JSON of its values, for any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
        const members = membersOf(JSON.stringify(object, null, indent));
        const parsed = Object.fromEntries([...members].map(([name, json]) => [name, JSON.parse(json)]));
        expect(parsed).toEqual(JSON.parse(JSON.stringify(object)));
      }),
      { seed: propertySeed('members of an object') },
    );
  });

  it('keep numbers as they are written', () => {
    expect(membersOf('{ "data" : [[9007199254740993, 1.10]], "next":"a\\"}" }')).toEqual(
      new Map([
        ['data', '[[9007199254740993, 1.10]]'],
        ['next', '"a\\"}"'],
      ]),
    );
  });

  it.each(['', '[]', '{"a"', '{"a":', '{"a":1', '{"a":"', '{a:1}', '{"a":[1}'])('refuse %j', (text) => {
    expect(() => membersOf(text)).toThrow(SyntaxError);
  });
});

describe('elements of an array', () => {
  it('stand between its brackets', () => {
    expect(elementsOf(' [ [1], [2] ] ')).toBe('[1], [2]');
    expect(elementsOf('[]')).toBe('');
    expect(() => elementsOf('{"a":1}')).toThrow(SyntaxError);
  });
});
