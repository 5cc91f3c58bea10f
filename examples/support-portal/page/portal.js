// The page: what it shows stands in the address, what it says comes from the server, and it asks again when told to.
import { addressOf, readAddress, requestOf, tabs } from './address.js';
import { drawCharts } from './charts.js';
import { byId, element, setText } from './dom.js';
import { Freshness } from './freshness.js';
import { TicketList } from './ticket-list.js';
import { TicketPanel } from './ticket-panel.js';

const retryMs = 3000;
const announceMs = 5000;
const pageRows = 50;

let view = readAddress();
let agent = localStorage.getItem('agent') ?? '';
let rowsShown = pageRows;
let announcedAt = 0;

const freshness = new Freshness();
const panel = new TicketPanel({ post, agent: () => agent, onClose: () => go({ ...view, ticket: '' }) });
const list = new TicketList({
  isTicketOpen: () => panel.openId !== null,
  onOpen: (id) => go({ ...view, ticket: id }),
  onClaim: claim,
});

/** Shows another view. Filters take the place of the present address, tabs and tickets can be left with Back. */
function go(next, { replaces = false } = {}) {
  const closed = next.ticket === '' ? view.ticket : '';
  view = next;
  history[replaces ? 'replaceState' : 'pushState'](null, '', addressOf(view));
  show({ isNewView: true }).then(() => closed && list.focus(closed));
}

async function claim(id) {
  if (agent === '') return askForName();
  const { problem } = await post(id, 'claim', {});
  setText(byId('list-message'), problem ?? `${id} is yours.`);
}

function askForName() {
  setText(byId('list-message'), 'Choose your name first, at the top of the page.');
  byId('agent').focus();
}

async function get(path) {
  const response = await fetch(path);
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.message), { status: response.status });
  return answer;
}

async function post(id, action, body) {
  try {
    const response = await fetch(`api/tickets/${encodeURIComponent(id)}/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...body, agent }),
    });
    const answer = await response.json();
    refresh();
    return response.ok ? { ticket: answer } : { ticket: answer.ticket, problem: answer.error.message };
  } catch {
    return { problem: 'The portal does not answer: that may be done or not. Look again when it is live.' };
  }
}

/** The newest request for what is on the screen; answers of older ones are dropped. */
let asked = 0;
let retry;
async function show({ isNewView = false } = {}) {
  const request = ++asked;
  if (isNewView) drawFrame();
  try {
    const query = requestOf(view, agent);
    query.set('limit', rowsShown);
    const [answer, numbers, ticket] = await Promise.all([
      get(`api/tickets?${query}`),
      get('api/charts'),
      view.ticket ? get(`api/tickets/${encodeURIComponent(view.ticket)}`).catch(ticketUnknown) : null,
    ]);
    if (request !== asked) return;
    draw(answer, { isNewView });
    drawCharts(byId('charts'), numbers);
    if (ticket) panel.show(ticket, Date.now());
    else panel.close();
    list.mark(view.ticket);
    setProblem('');
  } catch (error) {
    if (request !== asked) return;
    setProblem(error.status ? error.message : 'The portal does not answer. What you see may be old; trying again.');
    clearTimeout(retry);
    retry = setTimeout(refresh, retryMs);
  }
}

function ticketUnknown(error) {
  if (error.status !== 404) throw error;
  announce(error.message);
  return null;
}

/** Asks again for what is shown, once for all that happens meanwhile. */
let isAsking = false;
let isAskedAgain = false;
async function refresh() {
  if (isAsking) {
    isAskedAgain = true;
    return;
  }
  isAsking = true;
  await show();
  isAsking = false;
  if (!isAskedAgain) return;
  isAskedAgain = false;
  refresh();
}

/** What depends on the address alone. */
function drawFrame() {
  const form = byId('filters');
  for (const name of ['category', 'sort']) form.elements[name].value = view[name];
  form.elements.risk.value = view.risk || '0';
  if (document.activeElement !== form.elements.q) form.elements.q.value = view.q;
  setText(byId('risk-value'), Number(form.elements.risk.value).toFixed(2));
  setText(byId('list-title'), tabs[view.tab][1]);
  setText(byId('list-message'), '');
  // What is known of an incident that is gone could not be filtered.
  byId('filter-box').hidden = view.tab === 'closed';
  document.title = `${view.ticket || tabs[view.tab][1]} - Support portal`;
}

function draw({ tickets, total, counts, version, scored_at: scoredAt, now }, { isNewView }) {
  drawTabs({ ...counts, closed: counts.closed_upstream });
  const moves = list.show(tickets, { view, now: Date.now(), isNewView });
  announceMoves(moves);
  byId('empty').hidden = tickets.length > 0;
  setText(byId('empty'), emptyText());
  byId('more').hidden = view.tab === 'closed' || total <= tickets.length;
  freshness.note({ version, scoredAt, now });
}

function emptyText() {
  if (view.tab === 'mine' && agent === '') return 'Choose your name to see your tickets.';
  if (view.category || view.risk || view.q) return 'No ticket fits the filter.';
  return 'There is none.';
}

function drawTabs(counts) {
  const place = byId('tabs');
  if (place.childElementCount === 0) place.append(...Object.entries(tabs).map(tabLink));
  for (const link of place.children) {
    const { tab } = link.dataset;
    link.setAttribute('href', addressOf({ ...view, tab, ticket: '' }));
    if (tab === view.tab) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    setText(link.lastElementChild, String(counts[tab]));
  }
}

function tabLink([tab, [text]]) {
  return element('a', { 'data-tab': tab }, `${text} `, element('span', { class: 'count' }));
}

/** Tells screen readers what moved, in one sentence every few seconds at most. */
function announceMoves(moves) {
  if (moves.length === 0 || Date.now() - announcedAt < announceMs) return;
  announcedAt = Date.now();
  const [[id, from, to]] = moves;
  const others = moves.length === 1 ? '' : `, and ${moves.length - 1} more moved`;
  announce(`The risk of ${id} went ${to > from ? 'up' : 'down'} from ${from.toFixed(2)} to ${to.toFixed(2)}${others}.`);
}

const announce = (text) => setText(byId('announcement'), text);

function setProblem(text) {
  byId('problem').hidden = text === '';
  setText(byId('problem'), text);
}

/** The server's hints, while somebody looks. */
let stream = null;
function listen() {
  stream?.close();
  if (document.hidden) return;
  stream = new EventSource('api/stream');
  stream.addEventListener('connection', ({ data }) => {
    freshness.isLive = JSON.parse(data).live;
    refresh();
  });
  for (const hint of ['predictions', 'tickets']) stream.addEventListener(hint, refresh);
  stream.addEventListener('error', () => {
    freshness.isLive = false;
    refresh();
  });
}

byId('agent').value = agent;
byId('agent').addEventListener('change', ({ target }) => {
  agent = target.value;
  localStorage.setItem('agent', agent);
  show({ isNewView: true });
});
byId('tabs').addEventListener('click', (event) => {
  const link = event.target.closest('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  rowsShown = pageRows;
  go({ ...view, tab: link.dataset.tab, ticket: '' });
});
byId('filters').addEventListener('submit', (event) => event.preventDefault());
let typing;
byId('filters').addEventListener('input', () => {
  const { category, risk, sort, q } = Object.fromEntries(new FormData(byId('filters')));
  clearTimeout(typing);
  typing = setTimeout(
    () => go({ ...view, category, risk: Number(risk) > 0 ? risk : '', sort, q }, { replaces: true }),
    250,
  );
  setText(byId('risk-value'), Number(risk).toFixed(2));
});
byId('more').addEventListener('click', () => {
  rowsShown += pageRows;
  show({ isNewView: true });
});
addEventListener('popstate', () => {
  view = readAddress();
  show({ isNewView: true });
});
document.addEventListener('visibilitychange', listen);
// On narrow screens the filters are folded away.
const isWide = matchMedia('(min-width: 601px)');
const foldFilters = () => {
  byId('filter-box').open = isWide.matches || view.category !== '' || view.risk !== '' || view.q !== '';
};
isWide.addEventListener('change', foldFilters);
foldFilters();
show({ isNewView: true });
listen();
