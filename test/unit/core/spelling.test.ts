import { describe, expect, it } from 'vitest';
import { didYouMean, nearestName, sameButForCase } from '../../../src/core/spelling.js';

// Goal: a name in another case is found where only one fits, and a mistyped name leads to the one that was meant.

describe('sameButForCase', () => {
  it.each([
    ['ID', ['id', 'name'], 'id'],
    ['id', ['ID', 'id'], 'id'],
    ['Id', ['ID', 'id'], undefined],
    ['nothing', ['id'], undefined],
  ])('finds for %s among %j: %s', (name, candidates, found) => {
    expect(sameButForCase(name, candidates)).toBe(found);
  });
});

describe('nearestName', () => {
  it.each([
    ['custmer_id', ['customer_id', 'customer_name', 'id'], 'customer_id'],
    ['ID', ['id', 'at'], 'id'],
    ['idd', ['id', 'at'], 'id'],
    ['laek', ['lake', 'leak2'], 'lake'],
    ['ap', ['app', 'lake'], 'app'],
    ['zzz', ['id', 'at'], undefined],
    ['x', ['id', 'at', 'y'], undefined],
    ['a'.repeat(300), ['a'.repeat(299)], undefined],
  ])('means by %s among %j: %s', (name, candidates, meant) => {
    expect(nearestName(name, candidates)).toBe(meant);
  });

  it('ends a message with a question, or with nothing', () => {
    expect(didYouMean('region', ['id', 'name'])).toBe('');
    expect(didYouMean('nmae', ['id', 'name'])).toBe(' Did you mean "name"?');
  });
});
