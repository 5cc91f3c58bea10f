import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

// Goal: every text and state of the console is legible on both grounds of its theme, and states are told apart by people who
// see fewer colours, as far as colours can do that.

const STATES = ['ok', 'run', 'wait', 'warn', 'fail', 'pause'] as const;
const TEXTS = ['text', 'quiet', ...STATES] as const;
const GROUNDS = ['ground', 'ground-2'] as const;
/** Of WCAG AA for text are 4.5. */
const CONTRAST_MIN = 4.7;

type Rgb = readonly [number, number, number];
type Theme = ReadonlyMap<string, string>;

const css = readFileSync(path.resolve(import.meta.dirname, '../../../src/console/styles/base.css'), 'utf8');
const blocks: Theme[] = [...css.matchAll(/\{([^{}]*--ground:[^{}]*)\}/g)].map(
  ([, body = '']) =>
    new Map([...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value])),
);

function linear(theme: Theme, name: string): Rgb {
  const value = theme.get(name);
  if (value === undefined) throw new Error(`no colour ${name}`);
  const part = (at: number) => {
    const channel = Number.parseInt(value.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

function contrast(a: Rgb, b: Rgb): number {
  const [dark = 0, light = 0] = [a, b]
    .map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue)
    .sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** Of linear light (Machado, Oliveira and Fernandes, 2009, the severest form). */
const SEEN = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
} as const;

function multiply(matrix: readonly (readonly number[])[], [x, y, z]: Rgb): Rgb {
  const row = (at: number) => {
    const [a = 0, b = 0, c = 0] = matrix[at] ?? [];
    return a * x + b * y + c * z;
  };
  return [row(0), row(1), row(2)];
}

/** CIELAB, of D65. */
function lab(colour: Rgb): Rgb {
  const [x, y, z] = multiply(
    [
      [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
    ],
    colour,
  ).map((value) => (value > 216 / 24_389 ? Math.cbrt(Math.max(0, value)) : ((24_389 / 27) * value + 16) / 116)) as [
    number,
    number,
    number,
  ];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

it('has two themes, of which the dark one is written for both ways of choosing it', () => {
  expect(blocks.length).toBe(3);
  expect(blocks[2]).toEqual(blocks[1]);
});

it.each([
  ['light', 0],
  ['dark', 1],
] as const)('is legible in the %s theme', (_, at) => {
  const theme = blocks[at] ?? new Map();
  for (const name of TEXTS) {
    for (const ground of GROUNDS) {
      expect(contrast(linear(theme, name), linear(theme, ground)), `${name} on ${ground}`).toBeGreaterThanOrEqual(
        CONTRAST_MIN,
      );
    }
  }
  expect(contrast(linear(theme, 'on-run'), linear(theme, 'run')), 'the word on a button').toBeGreaterThanOrEqual(
    CONTRAST_MIN,
  );
});

it.each([
  ['light', 0, 14],
  ['dark', 1, 20],
] as const)('keeps states apart in the %s theme', (_, at, distanceMin) => {
  const theme = blocks[at] ?? new Map();
  for (const [kind, matrix] of Object.entries(SEEN)) {
    const seen = STATES.map((name) => ({ name, place: lab(multiply(matrix, linear(theme, name))) }));
    for (const [nth, one] of seen.entries()) {
      for (const other of seen.slice(nth + 1)) {
        const distance = Math.hypot(...one.place.map((value, axis) => value - (other.place[axis] ?? 0)));
        expect(distance, `${one.name} and ${other.name} under ${kind}`).toBeGreaterThan(distanceMin);
      }
    }
  }
});
