// One ticket: facts of the lakehouse, what agents did, and what they can do.
import { agoText, byId, dueText, element, replaceChildren, riskText, setText, timeElement } from './dom.js';

const statuses = { new: 'New', claimed: 'Claimed', waiting: 'Waiting', resolved: 'Resolved' };

export class TicketPanel {
  #element = byId('ticket');
  #ticket = null;
  #before = null;
  #parts = {};
  #post;
  #agent;

  /**
   * @param options.post sends an action (`claim`, `status`, `comments`) for a ticket, and returns the ticket afterwards
   * @param options.agent tells the name of the agent
   * @param options.onClose is called when the person closes the ticket
   */
  constructor({ post, agent, onClose }) {
    this.#post = post;
    this.#agent = agent;
    this.onClose = onClose;
    this.#element.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') onClose();
    });
  }

  get openId() {
    return this.#ticket?.incident_id ?? null;
  }

  close() {
    this.#ticket = null;
    this.#element.hidden = true;
    document.body.classList.remove('has-ticket');
  }

  /** Shows a ticket, or its newer state if it is the one that is open. */
  show(ticket, now) {
    const isOther = ticket.incident_id !== this.openId;
    if (isOther) this.#build(ticket);
    else if (this.#ticket.escalation_risk !== ticket.escalation_risk) this.#before = this.#ticket.escalation_risk;
    this.#ticket = ticket;
    this.#update(ticket, now);
    this.#element.hidden = false;
    document.body.classList.add('has-ticket');
    if (isOther) this.#parts.heading.focus();
  }

  say(text) {
    setText(this.#parts.message, text);
  }

  #build({ incident_id: id }) {
    this.#before = null;
    const heading = element('h2', { id: 'ticket-title', tabindex: '-1' });
    const closed = element('p', { class: 'notice', hidden: true });
    const facts = element('dl');
    const status = element(
      'select',
      { id: 'ticket-status', onchange: () => this.#setStatus(status.value) },
      ...Object.entries(statuses).map(([value, text]) => element('option', { value }, text)),
    );
    const owner = element('p', { class: 'owner' });
    const take = element('button', { type: 'button', class: 'main', onclick: () => this.#act('claim', {}) }, 'Claim');
    const release = element('button', { type: 'button', onclick: () => this.#setStatus('new') }, 'Release');
    const message = element('p', { role: 'status', class: 'message' });
    const commentsTitle = element('h3');
    const comments = element('ol', { class: 'comments' });
    const text = element('textarea', { id: 'comment', rows: '2', maxlength: '4000', required: true });
    const form = element(
      'form',
      { onsubmit: (event) => this.#comment(event, text) },
      element('label', { for: 'comment' }, 'Your comment'),
      text,
      element('button', { type: 'submit' }, 'Comment'),
    );
    const history = element('ol', { class: 'history' });
    this.#element.replaceChildren(
      element(
        'div',
        { class: 'ticket-head' },
        heading,
        element('button', { type: 'button', class: 'close', onclick: () => this.onClose() }, 'Close'),
      ),
      closed,
      facts,
      element('div', { class: 'actions' }, element('label', { for: 'ticket-status' }, 'Status'), status, take, release),
      owner,
      message,
      commentsTitle,
      comments,
      form,
      element('h3', {}, 'History'),
      history,
    );
    this.#parts = { heading, closed, facts, status, owner, take, release, message, commentsTitle, comments, history };
    setText(heading, id);
  }

  #update(ticket, now) {
    const parts = this.#parts;
    const { incident_id: id, title, owner, status, comments, activity, is_closed_upstream: isClosed } = ticket;
    setText(parts.heading, title ? `${id} ${title}` : id);
    parts.closed.hidden = !isClosed;
    setText(parts.closed, 'Closed upstream: the lakehouse has this incident no longer. What was written here stays.');
    replaceChildren(parts.facts, isClosed ? [] : this.#facts(ticket, now));
    if (document.activeElement !== parts.status) parts.status.value = status;
    parts.status.disabled = isClosed;
    parts.take.hidden = isClosed || owner !== null;
    parts.release.hidden = isClosed || owner === null;
    setText(parts.owner, owner ? `Owner: ${owner}` : 'Nobody has this ticket.');
    setText(parts.commentsTitle, `Comments (${comments.length})`);
    replaceChildren(
      parts.comments,
      comments.map(({ author, body, created_at: at }) =>
        element(
          'li',
          {},
          element('p', { class: 'quiet' }, `${author}, `, timeElement(at, agoText(at, now))),
          element('p', { class: 'body' }, body),
        ),
      ),
    );
    const history = activity.map(({ actor, what, at }) =>
      element('li', {}, `${actor} ${what}, `, timeElement(at, agoText(at, now))),
    );
    replaceChildren(parts.history, history.length > 0 ? history : [element('li', { class: 'quiet' }, 'Nothing yet.')]);
  }

  #facts(ticket, now) {
    const was = this.#before === null ? '' : ` (was ${riskText(this.#before)})`;
    const facts = [
      ['Risk', element('strong', {}, riskText(ticket.escalation_risk)), was],
      ['Suggested', ticket.recommended_action],
      ['Due', timeElement(ticket.sla_due_at, dueText(ticket.sla_due_at, now))],
      ['Customer', `${ticket.customer}, ${ticket.sentiment}`],
      ['Severity', `${ticket.severity}, ${ticket.category}`],
      ['Opened', timeElement(ticket.opened_at, agoText(ticket.opened_at, now)), ` by ${ticket.channel}`],
      ['Scored', timeElement(ticket.scored_at, agoText(ticket.scored_at, now)), `, model ${ticket.model_version}`],
    ];
    return facts.map(([name, ...values]) => element('div', {}, element('dt', {}, name), element('dd', {}, ...values)));
  }

  #setStatus(status) {
    return this.#act('status', { status, version: this.#ticket.version });
  }

  async #comment(event, text) {
    event.preventDefault();
    if (await this.#act('comments', { body: text.value })) text.value = '';
  }

  /** @returns whether it was done */
  async #act(action, body) {
    if (this.#agent() === '') {
      this.#parts.status.value = this.#ticket.status;
      this.say('Choose your name first, at the top of the page.');
      byId('agent').focus();
      return false;
    }
    this.say('');
    const { ticket, problem } = await this.#post(this.#ticket.incident_id, action, body);
    // Also after a refusal: the choice shows what is, not what was wanted.
    if (ticket && ticket.incident_id === this.openId) this.show(ticket, Date.now());
    this.#parts.status.value = this.#ticket.status;
    this.say(problem ? `${problem}${ticket ? ' This is how it is now.' : ''}` : 'Done.');
    return !problem;
  }
}
