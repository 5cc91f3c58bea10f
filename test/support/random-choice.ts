import type { HistoryShape } from './delta-history.js';
import type { Random } from './random.js';

type Row = Readonly<Record<string, number | string | null>>;

/** Columns and rows to choose of a random history, and the same said in other words. */
export interface RandomChoice {
  readonly columns: readonly string[] | null;
  readonly rowFilter: string | null;
  /** Whether a row of `DeltaHistory.rows` fulfils the filter. */
  readonly fits: (row: Row) => boolean;
}

/** True, false or unknown, as SQL has it. */
type Logic = boolean | null;

interface Condition {
  readonly text: string;
  readonly judge: (row: Row) => Logic;
}

/** A choice that all versions of a history have, as long as nothing renames or drops `v`. */
export function randomChoice(random: Random, shape: HistoryShape): RandomChoice {
  const key = shape.isCompositeKey ? ['id', 'part'] : ['id'];
  const others = ['v', 'part', 's', 't'].filter((name) => !key.includes(name) && (name !== 't' || shape.hasTimeseries));
  const columns = random.chance(0.6) ? random.shuffle([...key, ...others.filter(() => random.chance(0.4))]) : null;
  const condition = random.chance(0.85) || columns === null ? randomCondition(random, 2) : null;
  return {
    columns,
    rowFilter: condition?.text ?? null,
    fits: (row) => condition === null || condition.judge(row) === true,
  };
}

function randomCondition(random: Random, depth: number): Condition {
  if (depth === 0 || random.chance(0.4)) return randomComparison(random);
  const [left, right] = [randomCondition(random, depth - 1), randomCondition(random, depth - 1)];
  return random.pick([
    () =>
      joined('and', left, right, (a, b) =>
        a === false || b === false ? false : a === null || b === null ? null : true,
      ),
    () =>
      joined('or', left, right, (a, b) => (a === true || b === true ? true : a === null || b === null ? null : false)),
    () => ({
      text: `not (${left.text})`,
      judge: (row: Row) => {
        const value = left.judge(row);
        return value === null ? null : !value;
      },
    }),
  ])();
}

function joined(
  word: 'and' | 'or',
  left: Condition,
  right: Condition,
  judge: (left: Logic, right: Logic) => Logic,
): Condition {
  return {
    text: `(${left.text}) ${word} (${right.text})`,
    judge: (row) => judge(left.judge(row), right.judge(row)),
  };
}

function randomComparison(random: Random): Condition {
  const limit = random.below(9_999);
  const part = random.pick(['a', 'b/c d']);
  const ofPart = (judge: (value: string) => boolean) => (row: Row) =>
    row.part == null ? null : judge(String(row.part));
  const ofV = (judge: (value: number) => boolean) => (row: Row) => (row.v == null ? null : judge(Number(row.v)));
  const same = (text: string, judge: Condition['judge']): Condition => ({ text, judge });
  return random.pick<Condition>([
    same(
      `part = '${part}'`,
      ofPart((value) => value === part),
    ),
    same(
      `\`part\` != "${part}"`,
      ofPart((value) => value !== part),
    ),
    same('part is null', (row) => row.part == null),
    same(
      `part in ('${part}', 'x')`,
      ofPart((value) => value === part),
    ),
    same(
      `v < ${limit}`,
      ofV((value) => value < limit),
    ),
    same(
      `v >= ${limit}`,
      ofV((value) => value >= limit),
    ),
    same(
      `v between ${limit} and ${limit + 3_000}`,
      ofV((value) => value >= limit && value <= limit + 3_000),
    ),
    same(`coalesce(v, 0) < ${limit}`, (row) => Number(row.v ?? 0) < limit),
    same('V <=> null', (row) => row.v == null),
    same(
      'v % 2 = 0',
      ofV((value) => value % 2 === 0),
    ),
  ]);
}
