// Bars in SVG, with a sentence for those who do not see them.
import { element, replaceChildren, svgElement } from './dom.js';

const width = 320;
const rowHeight = 26;
const labelWidth = 96;
const plotHeight = 110;

/** Draws the charts of `GET /api/charts` into `place`. */
export function drawCharts(place, { by_status: byStatus, risk_tenths: tenths, high_risk: highRisk, categories }) {
  replaceChildren(place, [
    figure(
      'By status',
      rows(
        byStatus.map(({ status, count }) => [status, count]),
        `Open tickets by status: ${listed(byStatus.map(({ status, count }) => `${status} ${count}`))}.`,
      ),
    ),
    figure('By risk', columns(tenths)),
    figure(
      `Risk from ${highRisk} on, by category`,
      rows(
        categories.map(({ category, high }) => [category, high]),
        `Tickets of high risk by category: ${listed(categories.map(({ category, high }) => `${category} ${high}`))}.`,
      ),
    ),
  ]);
}

function figure(title, chart) {
  return element('figure', {}, element('figcaption', {}, title), chart);
}

function rows(values, sentence) {
  const most = Math.max(1, ...values.map(([, count]) => count));
  const height = values.length * rowHeight;
  return chartOf(
    height,
    sentence,
    values.flatMap(([label, count], index) => {
      const y = index * rowHeight;
      const length = ((width - labelWidth - 40) * count) / most;
      return [
        svgElement('text', { x: 0, y: y + 17 }, label),
        svgElement('rect', { x: labelWidth, y: y + 4, width: Math.max(1, length), height: rowHeight - 10 }),
        svgElement('text', { x: labelWidth + length + 6, y: y + 17 }, String(count)),
      ];
    }),
  );
}

function columns(tenths) {
  const most = Math.max(1, ...tenths);
  const step = width / tenths.length;
  const fullest = tenths.indexOf(Math.max(...tenths));
  const sentence = `Open tickets by risk, in ten steps from 0 to 1: ${tenths.join(', ')}. Most are from ${fullest / 10} to ${(fullest + 1) / 10}.`;
  return chartOf(
    plotHeight,
    sentence,
    tenths.flatMap((count, tenth) => {
      const height = ((plotHeight - 40) * count) / most;
      const x = tenth * step;
      const middle = { x: x + step / 2, 'text-anchor': 'middle' };
      return [
        svgElement('rect', { x: x + 2, y: plotHeight - 20 - height, width: step - 4, height: Math.max(1, height) }),
        svgElement('text', { ...middle, y: plotHeight - 25 - height }, String(count)),
        svgElement('text', { ...middle, y: plotHeight - 5, class: 'axis' }, (tenth / 10).toFixed(1)),
      ];
    }),
  );
}

function chartOf(height, sentence, parts) {
  return svgElement('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': sentence }, ...parts);
}

const listed = (parts) => parts.join(', ');
