import { linePaths } from '../words/chart-scale.js';
import './sparkline.css';

interface SparklineProps {
  /** One for each step, the oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Says in words what the line shows. */
  readonly label: string;
  /** The least value at the top. */
  readonly topMin: number;
}

const WIDTH = 60;
const HEIGHT = 14;
/** Quiet tables are looked at every 15 minutes: seven steps of two. */
const GAP_STEPS = 8;

/** A small line without axes, beside a number that says more. Nothing where nothing is known. */
export function Sparkline({ values, label, topMin }: SparklineProps) {
  const points = values.flatMap((value, at) => (value === null ? [] : [{ at, value, isFailed: false }]));
  if (points.length < 2) return null;
  const frame = { from: 0, to: values.length - 1, width: WIDTH, height: HEIGHT, topMin };
  return (
    <svg class="sparkline" viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`} role="img" aria-label={label}>
      {linePaths(points, frame, GAP_STEPS).map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
