// Making and changing elements. Everything goes in as text: this page turns no data into HTML.

const svgNamespace = 'http://www.w3.org/2000/svg';

/** An element with attributes, event listeners (`onclick`) and children (elements or texts). */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svgElement(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Changes a text only if it differs, so that screen readers and selections are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Changes the children of a node only if their texts differ; then a selection in it is lost. */
export function replaceChildren(node, children) {
  const texts = (nodes) => nodes.map(({ textContent }) => textContent).join('\n');
  if (texts([...node.childNodes]) !== texts(children)) node.replaceChildren(...children);
}

export const byId = (id) => document.getElementById(id);

const minute = 60_000;
const units = [
  [24 * 60 * minute, 'd'],
  [60 * minute, 'h'],
  [minute, 'min'],
];

/** A length of time in its greatest unit, such as "3 h". */
function duration(ms) {
  for (const [length, unit] of units) if (ms >= length) return `${Math.floor(ms / length)} ${unit}`;
  return `${Math.floor(ms / 1000)} s`;
}

/** When something is due, seen from `now` (ms): "in 3 h" or "late by 20 min". */
export function dueText(time, now) {
  const left = Date.parse(time) - now;
  return left >= 0 ? `in ${duration(left)}` : `late by ${duration(-left)}`;
}

/** How long ago something was, seen from `now` (ms). */
export function agoText(time, now) {
  return `${duration(Math.max(0, now - Date.parse(time)))} ago`;
}

/** A <time> with a short text; the exact time is its title. */
export function timeElement(time, text) {
  return element('time', { datetime: time, title: new Date(time).toLocaleString() }, text);
}

export const riskText = (risk) => risk.toFixed(2);
