// What the portal asks of the database. Every function takes a pg.Pool of role support_portal.

const statuses = ['new', 'claimed', 'waiting', 'resolved'];
const rowsLimitMax = 1000;
/** From here on an incident counts as risky. */
const highRisk = 0.7;

/** Conditions by value of `status`; a status of its own is one too. */
const conditions = { open: "status <> 'resolved'", all: 'true' };
const orders = {
  risk: 'escalation_risk desc, incident_id',
  due: 'sla_due_at, incident_id',
  opened: 'opened_at desc, incident_id',
  id: 'incident_id',
};
const ticketColumns = `incident_id, customer, title, category, severity, channel, opened_at, sla_due_at, escalation_risk,
  recommended_action, sentiment, model_version, scored_at, status, owner, version, updated_by, updated_at, comment_count`;

/** What is wrong with a request; `ticket` is the row as it is now, where that is the answer. */
export class Refusal extends Error {
  constructor(httpStatus, code, message, ticket = null) {
    super(message);
    Object.assign(this, { httpStatus, code, ticket });
  }
}

/** The filter of a list as an SQL condition, with its values. */
function filterOf({ status = 'open', owner, category, risk, q }) {
  const values = [];
  const add = (text, value) => text.replaceAll('$', `$${values.push(value)}`);
  const parts = [conditions[status] ?? add('status = $', checkStatus(status))];
  if (owner === 'none') parts.push('owner is null');
  else if (owner) parts.push(add('owner = $', owner));
  if (category) parts.push(add('category = $', category));
  if (risk) parts.push(add('escalation_risk >= $', checkRisk(risk)));
  // strpos and not LIKE: what people look for may hold % and _.
  if (q) parts.push(add("strpos(lower(concat_ws(' ', incident_id, title, customer)), lower($)) > 0", q));
  return { where: parts.join(' and '), values };
}

function checkStatus(status) {
  if (statuses.includes(status)) return status;
  throw new Refusal(400, 'STATUS_UNKNOWN', `There is no status "${status}": use ${statuses.join(', ')}.`);
}

function checkRisk(risk) {
  if (Number(risk) >= 0 && Number(risk) <= 1) return Number(risk);
  throw new Refusal(400, 'RISK_INVALID', 'A risk is a number from 0 to 1.');
}

/** The tickets that a filter leaves, how many they are, and how many there are of each kind without it. */
export async function listTickets(pool, { sort = 'risk', limit = '100', agent = '', ...filter }) {
  const order = orders[sort];
  if (!order)
    throw new Refusal(400, 'SORT_UNKNOWN', `There is no order "${sort}": use ${Object.keys(orders).join(', ')}.`);
  const rows = Number(limit);
  if (!Number.isInteger(rows) || rows < 1 || rows > rowsLimitMax) {
    throw new Refusal(400, 'LIMIT_INVALID', `The limit is a number from 1 to ${rowsLimitMax}.`);
  }
  const { where, values } = filterOf(filter);
  const list = `select ${ticketColumns}, count(*) over ()::integer as total from portal.tickets
    where ${where} order by ${order} limit ${rows}`;
  const counts = `select count(*) filter (where status <> 'resolved')::integer as open,
      count(*) filter (where status <> 'resolved' and owner = $1)::integer as mine,
      count(*) filter (where owner is null)::integer as unassigned,
      count(*) filter (where status = 'resolved')::integer as resolved,
      (select count(*)::integer from portal.orphans) as closed_upstream,
      max(scored_at) as scored_at, now() as now
    from portal.tickets`;
  const [found, counted] = await Promise.all([pool.query(list, values), pool.query(counts, [agent])]);
  const { scored_at: scoredAt, now, ...perKind } = counted.rows[0];
  const tickets = found.rows.map(({ total: _, ...ticket }) => ticket);
  return { tickets, total: found.rows[0]?.total ?? 0, counts: perKind, scored_at: scoredAt, now };
}

/** Tickets whose incident the lakehouse no longer has. */
export async function listOrphans(pool) {
  return (await pool.query(`select * from portal.orphans order by updated_at desc limit ${rowsLimitMax}`)).rows;
}

/** One ticket with its comments and history; `is_closed_upstream` tells that only those are left. */
export async function getTicket(pool, id) {
  const [tickets, orphans, comments, activity] = await Promise.all([
    pool.query(`select ${ticketColumns} from portal.tickets where incident_id = $1`, [id]),
    pool.query('select * from portal.orphans where incident_id = $1', [id]),
    pool.query('select id, author, body, created_at from portal.comments where incident_id = $1 order by id', [id]),
    pool.query('select id, actor, what, at from portal.activity where incident_id = $1 order by id', [id]),
  ]);
  const ticket = tickets.rows[0] ?? orphans.rows[0];
  if (!ticket) throw new Refusal(404, 'TICKET_UNKNOWN', `There is no ticket ${id}.`);
  return { ...ticket, is_closed_upstream: tickets.rows.length === 0, comments: comments.rows, activity: activity.rows };
}

/** Makes `agent` the owner if nobody is: of two who claim at once, one gets it. */
export async function claim(pool, id, { agent }) {
  const { rowCount } = await pool.query(
    `insert into portal.ticket_state as t (incident_id, owner, status, updated_by)
     select incident_id, $2, 'claimed', $2 from support.incidents where incident_id = $1
     on conflict (incident_id) do update
       set owner = excluded.owner, status = 'claimed', version = t.version + 1, updated_by = excluded.updated_by, updated_at = now()
       where t.owner is null`,
    [id, agent],
  );
  const ticket = await getTicket(pool, id);
  if (rowCount === 1 || ticket.owner === agent) return ticket;
  if (ticket.is_closed_upstream) throw closedUpstream(ticket);
  throw new Refusal(409, 'TAKEN', `${ticket.owner} has ${id} already.`, ticket);
}

/**
 * Changes the status, if nobody has changed the ticket since version `version`. "new" gives it back; any other status
 * makes `agent` the owner of a ticket that has none.
 */
export async function setStatus(pool, id, { agent, status, version }) {
  checkStatus(status);
  if (!Number.isInteger(version))
    throw new Refusal(400, 'VERSION_MISSING', 'Send the version of the ticket that you saw.');
  const [first, next] = status === 'new' ? ['null', 'null'] : ['$2', 'coalesce(t.owner, $2)'];
  const change = `set owner = ${next}, status = $3, version = t.version + 1, updated_by = $2, updated_at = now()`;
  // Version 0 is a ticket that nobody has changed: it may have no row yet.
  const { rowCount } = await pool.query(
    version === 0
      ? `insert into portal.ticket_state as t (incident_id, owner, status, updated_by)
         select incident_id, ${first}, $3, $2 from support.incidents where incident_id = $1
         on conflict (incident_id) do update ${change} where t.version = $4`
      : `update portal.ticket_state t ${change}
          where t.incident_id = $1 and t.version = $4
            and exists (select from support.incidents i where i.incident_id = t.incident_id)`,
    [id, agent, status, version],
  );
  const ticket = await getTicket(pool, id);
  if (rowCount === 1) return ticket;
  if (ticket.is_closed_upstream) throw closedUpstream(ticket);
  throw new Refusal(409, 'STALE', `${ticket.updated_by ?? 'Somebody'} has changed ${id} meanwhile.`, ticket);
}

function closedUpstream(ticket) {
  return new Refusal(409, 'CLOSED_UPSTREAM', `${ticket.incident_id} was closed upstream.`, ticket);
}

/** Adds a comment. The ticket gets a row of its own, so that the comment is found when the incident is gone. */
export async function comment(pool, id, { agent, body }) {
  const text = typeof body === 'string' ? body.trim() : '';
  if (text.length < 1 || text.length > 4000) {
    throw new Refusal(400, 'COMMENT_INVALID', 'A comment has 1 to 4000 characters.');
  }
  await getTicket(pool, id);
  await pool.query(
    `with state as (insert into portal.ticket_state (incident_id, status, version, updated_by)
       values ($1, 'new', 0, $2) on conflict do nothing)
     insert into portal.comments (incident_id, author, body) values ($1, $2, $3)`,
    [id, agent, text],
  );
  return getTicket(pool, id);
}

/** Numbers for the charts, of open tickets. */
export async function charts(pool) {
  const open = "from portal.tickets where status <> 'resolved'";
  const [byStatus, spread, categories] = await Promise.all([
    pool.query(`select status, count(*)::integer as count ${open} group by status`),
    pool.query(
      `select least(9, floor(escalation_risk * 10))::integer as tenth, count(*)::integer as count ${open} group by 1`,
    ),
    pool.query(
      `select category, count(*)::integer as total, count(*) filter (where escalation_risk >= $1)::integer as high
       ${open} group by category order by high desc, category`,
      [highRisk],
    ),
  ]);
  const countOf = (rows, key, value) => rows.find((row) => row[key] === value)?.count ?? 0;
  return {
    by_status: statuses
      .filter((status) => status !== 'resolved')
      .map((status) => ({ status, count: countOf(byStatus.rows, 'status', status) })),
    risk_tenths: Array.from({ length: 10 }, (_, tenth) => countOf(spread.rows, 'tenth', tenth)),
    high_risk: highRisk,
    categories: categories.rows,
  };
}
