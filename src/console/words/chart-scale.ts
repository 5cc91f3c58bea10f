// What a line chart is drawn from: values over time, in the units of its drawing.

export interface ChartPoint {
  /** Milliseconds. */
  readonly at: number;
  /** Null: not known. */
  readonly value: number | null;
  readonly isFailed: boolean;
}

export interface ChartFrame {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly height: number;
  /** The least value at the top, so that a line at 0 is not drawn as a mountain. */
  readonly topMin: number;
}

/** The greatest value, at least `topMin`. */
export function topOf(points: readonly ChartPoint[], { topMin }: Pick<ChartFrame, 'topMin'>): number {
  return points.reduce((top, { value }) => Math.max(top, value ?? 0), topMin);
}

export function xOf(at: number, { from, to, width }: ChartFrame): number {
  return to === from ? 0 : round(((at - from) / (to - from)) * width);
}

export function yOf(value: number, top: number, { height }: Pick<ChartFrame, 'height'>): number {
  return round(height - (value / top) * height);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * SVG paths of the line, one for each stretch without a gap.
 * @param gapMs further apart than this, nobody looked in between
 */
export function linePaths(points: readonly ChartPoint[], frame: ChartFrame, gapMs: number): string[] {
  const top = topOf(points, frame);
  const paths: string[][] = [];
  let before: ChartPoint | null = null;
  for (const point of points) {
    if (point.value === null) {
      before = null;
      continue;
    }
    const place = `${xOf(point.at, frame)} ${yOf(point.value, top, frame)}`;
    if (before === null || point.at - before.at > gapMs) paths.push([place]);
    else paths.at(-1)?.push(place);
    before = point;
  }
  // A stretch of one point is drawn as a dot.
  return paths.map((places) => `M${places.length === 1 ? [...places, ...places].join('L') : places.join('L')}`);
}
