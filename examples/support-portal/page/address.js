// What is shown stands in the address: tab, filters, order and open ticket. A copied address shows the same.

const names = ['tab', 'category', 'risk', 'sort', 'q', 'ticket'];
const defaults = { tab: 'open', sort: 'risk' };

/** What a tab is called, and the list that it shows. */
export const tabs = {
  open: ['Open', 'Open tickets'],
  mine: ['Mine', 'My tickets'],
  unassigned: ['Unassigned', 'Tickets without an owner'],
  resolved: ['Resolved', 'Resolved tickets'],
  closed: ['Closed upstream', 'Closed upstream, with what was done here'],
};

/** The view that the address describes. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const view = Object.fromEntries(names.map((name) => [name, query.get(name) ?? defaults[name] ?? '']));
  return view.tab in tabs ? view : { ...view, tab: defaults.tab };
}

/** The address of a view. */
export function addressOf(view) {
  const query = new URLSearchParams();
  for (const name of names) if (view[name] && view[name] !== defaults[name]) query.set(name, view[name]);
  return query.size > 0 ? `?${query}` : './';
}

/** What the server is asked for a view. */
export function requestOf({ tab, category, risk, sort, q }, agent) {
  const perTab = {
    open: { status: 'open' },
    mine: { status: 'open', owner: agent || '?' },
    unassigned: { status: 'new' },
    resolved: { status: 'resolved' },
    closed: { status: 'closed' },
  };
  const query = new URLSearchParams({ ...perTab[tab], category, risk, sort, q, agent });
  for (const [name, value] of [...query]) if (value === '') query.delete(name);
  return query;
}
