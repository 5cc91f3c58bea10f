// The list of tickets. Rows are kept and changed in place; they change places only while nobody has one in hand.
import { addressOf } from './address.js';
import { byId, dueText, element, riskText, setText } from './dom.js';

/** How long an arrow tells of the last move. */
const arrowMs = 10_000;

export class TicketList {
  #rows = new Map();
  /** Ids in the order of the server, where that is not the order on the screen. */
  #wanted = [];
  #isPointed = false;
  #isHeld;

  /**
   * @param options.isTicketOpen says whether a ticket is in hand beside the list
   * @param options.onOpen is called with the id when a ticket is chosen
   * @param options.onClaim is called with the id when a ticket is claimed in the list
   */
  constructor({ isTicketOpen, onOpen, onClaim }) {
    this.body = byId('rows');
    this.onOpen = onOpen;
    this.onClaim = onClaim;
    this.#isHeld = () => isTicketOpen() || this.#isPointed || this.body.contains(document.activeElement);
    this.body.addEventListener('pointerenter', ({ pointerType }) => {
      this.#isPointed = pointerType === 'mouse';
    });
    this.body.addEventListener('pointerleave', () => {
      this.#isPointed = false;
    });
    byId('sort-again').addEventListener('click', () => this.#sort());
  }

  /**
   * Shows tickets.
   * @param options.isNewView true if the person asked for another list: then the order is the server's
   * @returns what has moved, as [id, from, to]
   */
  show(tickets, { view, now, isNewView }) {
    const moves = [];
    const ids = tickets.map(({ incident_id: id }) => id);
    for (const id of [...this.#rows.keys()]) if (!ids.includes(id)) this.#drop(id);
    for (const ticket of tickets) {
      const row = this.#rows.get(ticket.incident_id) ?? this.#add(ticket);
      const move = row.update(ticket, { view, now });
      if (move) moves.push([ticket.incident_id, ...move]);
    }
    this.#wanted = ids;
    if (isNewView || !this.#isHeld()) this.#sort();
    else this.#offerSort();
    return isNewView ? [] : moves;
  }

  /** Marks the ticket that is open. */
  mark(openId) {
    for (const [id, row] of this.#rows) row.mark(id === openId);
  }

  focus(id) {
    this.#rows.get(id)?.link.focus();
  }

  #add({ incident_id: id }) {
    const row = new Row(id, { onOpen: () => this.onOpen(id), onClaim: () => this.onClaim(id) });
    this.#rows.set(id, row);
    this.body.append(row.element);
    return row;
  }

  #drop(id) {
    this.#rows.get(id).element.remove();
    this.#rows.delete(id);
  }

  #sort() {
    this.#wanted.forEach((id, index) => {
      const { element: row } = this.#rows.get(id);
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] ?? null);
    });
    byId('sort-again').hidden = true;
  }

  #offerSort() {
    const shown = [...this.body.children].map(({ dataset }) => dataset.id);
    const count = shown.filter((id, index) => id !== this.#wanted[index]).length;
    byId('sort-again').hidden = count === 0;
    setText(byId('sort-again'), `${count} ${count === 1 ? 'row' : 'rows'} changed place: sort again`);
  }
}

/** One row. */
class Row {
  #risk = null;
  #arrowTimer;
  #parts;

  constructor(id, { onOpen, onClaim }) {
    const cell = (name) => element('td', { class: name });
    this.link = element('a', { href: '#' });
    const title = element('span', { class: 'title' });
    const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' });
    const moved = element('span', { class: 'visually-hidden' });
    const risk = element('span', { class: 'risk-number' });
    const details = element('span', { class: 'narrow' });
    this.link.append(element('span', { class: 'id' }, id), ' ', title);
    this.link.addEventListener('click', (event) => {
      // With a key held, the browser opens a tab of its own.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onOpen();
    });
    const customer = element('span', { class: 'quiet' });
    const [severity, status, due] = [cell('wide'), cell('wide'), cell('wide')];
    const owner = element('span');
    const claim = element('button', { type: 'button', 'aria-label': `Claim ${id}`, onclick: onClaim }, 'Claim');
    this.element = element(
      'tr',
      { 'data-id': id },
      element('td', { class: 'number' }, risk, arrow, moved),
      element('td', {}, this.link, customer, details),
      severity,
      status,
      element('td', { class: 'wide' }, owner, claim),
      due,
    );
    this.#parts = { title, arrow, moved, risk, customer, details, severity, status, owner, claim, due };
  }

  /** @returns [from, to] if the risk has moved */
  update(ticket, { view, now }) {
    const {
      incident_id: id,
      title = 'No longer in the lakehouse',
      customer = '',
      severity = '',
      status,
      owner,
    } = ticket;
    const { escalation_risk: risk = null, sla_due_at: dueAt = null } = ticket;
    const due = dueAt === null || status === 'resolved' ? '' : dueText(dueAt, now);
    const parts = this.#parts;
    this.link.setAttribute('href', addressOf({ ...view, ticket: id }));
    setText(parts.title, title);
    setText(parts.customer, customer);
    setText(parts.severity, severity);
    setText(parts.status, status);
    setText(parts.owner, owner ?? '');
    parts.claim.hidden = owner !== null || ticket.title === undefined;
    setText(parts.due, due);
    setText(parts.details, [severity, owner ? `${status}, ${owner}` : status, due].filter(Boolean).join(' · '));
    parts.due.className = due.startsWith('late') ? 'wide late' : 'wide';
    this.element.classList.toggle('is-risky', risk !== null && risk >= 0.7);
    setText(parts.risk, risk === null ? '' : riskText(risk));
    const was = this.#risk;
    this.#risk = risk;
    if (was === null || risk === null || was === risk) return null;
    this.#point(was, risk);
    return [was, risk];
  }

  mark(isOpen) {
    this.element.classList.toggle('is-open', isOpen);
    if (isOpen) this.link.setAttribute('aria-current', 'true');
    else this.link.removeAttribute('aria-current');
  }

  #point(was, risk) {
    const { arrow, moved } = this.#parts;
    const isUp = risk > was;
    this.element.classList.remove('went-up', 'went-down');
    // Asking for a measure makes the browser begin the animation anew.
    void this.element.offsetWidth;
    this.element.classList.add(isUp ? 'went-up' : 'went-down');
    setText(arrow, isUp ? '▲' : '▼');
    setText(moved, `, ${isUp ? 'up' : 'down'} from ${riskText(was)}`);
    clearTimeout(this.#arrowTimer);
    this.#arrowTimer = setTimeout(() => {
      this.element.classList.remove('went-up', 'went-down');
      setText(arrow, '');
      setText(moved, '');
    }, arrowMs);
  }
}
