import { useId, useState } from 'preact/hooks';
import { type ChartPoint, linePaths, topOf, xOf, yOf } from '../words/chart-scale.js';
import { exactTime } from '../words/times.js';
import './line-chart.css';

interface LineChartProps {
  readonly title: string;
  readonly points: readonly ChartPoint[];
  /** Milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Further apart than this, nobody looked in between. */
  readonly gapMs: number;
  readonly topMin: number;
  readonly textOf: (value: number) => string;
  /** Where a moment is looked at more closely. */
  readonly linkOf: (at: number) => { readonly href: string; readonly text: string };
}

/** A line from a point to itself. */
const ONE_POINT = /^M([^L]+)L\1$/;
const WIDTH = 800;
const HEIGHT = 120;

const texts = {
  none: 'Nothing is known of this time.',
  notKnown: 'not known',
  failed: 'failed',
  cursor: (title: string) => `${title}: moment`,
  upTo: (most: string) => `up to ${most}`,
  table: 'As a table',
  time: 'Time',
  summary: (title: string, from: string, to: string, most: string, last: string) =>
    `${title} from ${from} to ${to}: at most ${most}, last ${last}.`,
};

/** A line over time; a cursor that keys and the mouse move says what is at a moment. */
export function LineChart({ title, points, from, to, gapMs, topMin, textOf, linkOf }: LineChartProps) {
  const id = useId();
  const [chosen, choose] = useState<number | null>(null);
  if (points.length === 0) return <p class="quiet">{texts.none}</p>;
  const frame = { from, to, width: WIDTH, height: HEIGHT, topMin };
  const top = topOf(points, frame);
  const last = points.length - 1;
  const at = Math.min(chosen ?? last, last);
  const point = points[at];
  const said = (value: number | null) => (value === null ? texts.notKnown : textOf(value));
  const most = points.every(({ value }) => value === null) ? null : Math.max(...points.map(({ value }) => value ?? 0));
  const moment = (ms: number) => exactTime(new Date(ms));
  const summary = texts.summary(title, moment(from), moment(to), said(most), said(points[last]?.value ?? null));
  const valueText = point
    ? `${moment(point.at)}: ${said(point.value)}${point.isFailed ? `, ${texts.failed}` : ''}`
    : '';
  const link = point && linkOf(point.at);
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> <span class="quiet">{texts.upTo(textOf(top))}</span>
      </figcaption>
      <svg viewBox={`-8 -8 ${WIDTH + 16} ${HEIGHT + 16}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        <path class="chart-ground" d={`M0 ${HEIGHT}H${WIDTH}M0 0H${WIDTH}`} />
        {linePaths(points, frame, gapMs).map((path) => (
          <path key={path} class={ONE_POINT.test(path) ? 'chart-line chart-dot' : 'chart-line'} d={path} />
        ))}
        {points.map(
          (each) =>
            each.isFailed && (
              <path
                key={each.at}
                class="chart-failed"
                d={crossAt(xOf(each.at, frame), yOf(each.value ?? 0, top, frame))}
              />
            ),
        )}
        {point && <path class="chart-cursor" d={`M${xOf(point.at, frame)} 0V${HEIGHT}`} />}
      </svg>
      <input
        type="range"
        min={0}
        max={last}
        value={at}
        aria-label={texts.cursor(title)}
        aria-valuetext={valueText}
        aria-describedby={id}
        onInput={({ currentTarget }) => choose(Number(currentTarget.value))}
      />
      <p id={id} class="chart-value">
        <span>{valueText}</span> {link && <a href={link.href}>{link.text}</a>}
      </p>
      <details>
        <summary>{texts.table}</summary>
        <table class="list">
          <thead>
            <tr>
              <th scope="col">{texts.time}</th>
              <th scope="col">{title}</th>
            </tr>
          </thead>
          <tbody>
            {points.map((each) => (
              <tr key={each.at}>
                <td>{moment(each.at)}</td>
                <td>
                  {said(each.value)}
                  {each.isFailed && `, ${texts.failed}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function crossAt(x: number, y: number): string {
  return `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`;
}
