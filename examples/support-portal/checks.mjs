// What `--once` proves: one round from the lakehouse through Postgres to the portal and back, as agents meet it.
import assert from 'node:assert/strict';
import pg from 'pg';
import { removal, rescoring } from './incidents.mjs';

const waitMsMax = 60_000;

/** Fails with an AssertionError if anything is not as README.md says. */
export async function proveRound({ portal, admin, portalUrl, incidents }) {
  const call = callsOf(portal);
  const version = () => admin.query(`call synced_tables.wait_for_version('support.incidents', ${incidents.version})`);
  const done = (text) => console.log(`  proved: ${text}`);
  console.log('');

  const rows = await incidents.query('select incident_id, escalation_risk from rows order by escalation_risk desc, 1');
  const { tickets } = await call('GET', '/api/tickets?status=all&limit=1000');
  const shown = tickets.map(({ incident_id, escalation_risk }) => ({ incident_id, escalation_risk }));
  assert.deepEqual(shown, rows);
  done(`the portal shows all ${rows.length} incidents with their risks`);

  const stream = await listen(portal);
  const free = tickets.filter(({ status }) => status === 'new');
  const [{ incident_id: id }, { incident_id: other }] = free;
  const risk = free[0].escalation_risk === 0.975 ? 0.976 : 0.975;
  await incidents.commit(rescoring(id, risk));
  await stream.hear('predictions', (hint) => hint.version >= incidents.version);
  assert.equal((await call('GET', `/api/tickets/${id}`)).escalation_risk, risk);
  done(`a prediction committed in the lakehouse is announced, and ${id} has it`);

  const claims = await Promise.all(['Ana', 'Rui'].map((agent) => call('POST', `/api/tickets/${id}/claim`, { agent })));
  assert.deepEqual(claims.map(({ error }) => error?.code).sort(), ['TAKEN', undefined]);
  const { owner, version: seen } = claims.find(({ error }) => !error);
  await stream.hear('tickets', ({ ids }) => ids.includes(id));
  done(`of two agents who claim ${id} at once, one gets it: ${owner}`);

  const waiting = await call('POST', `/api/tickets/${id}/status`, { agent: owner, status: 'waiting', version: seen });
  assert.equal(waiting.status, 'waiting');
  const stale = await call('POST', `/api/tickets/${id}/status`, { agent: owner, status: 'resolved', version: seen });
  assert.equal(stale.error?.code, 'STALE');
  await call('POST', `/api/tickets/${id}/comments`, { agent: owner, body: 'Called back.' });
  done('a status set by somebody who has not seen the newest is refused');

  await admin.query(
    "call synced_tables.wait_for_update(synced_tables.sync_now('support.incidents', full_refresh => true))",
  );
  const kept = await call('GET', `/api/tickets/${id}`);
  assert.deepEqual([kept.status, kept.owner, kept.comments.at(-1).body], ['waiting', owner, 'Called back.']);
  done('status and comment are still there after all rows were copied anew');

  await call('POST', `/api/tickets/${other}/claim`, { agent: 'Mira' });
  await incidents.commit(removal(other));
  await version();
  assert.equal((await call('GET', `/api/tickets/${other}`)).is_closed_upstream, true);
  assert.ok((await call('GET', '/api/tickets?status=closed')).tickets.some(({ incident_id }) => incident_id === other));
  done(`${other}, taken out of the lakehouse, is shown as closed upstream with what was done about it`);

  await refused(portalUrl, 'update support.incidents set escalation_risk = 0', ['25006', '42501']);
  await refused(portalUrl, 'delete from portal.ticket_state', ['42501']);
  done("the portal's role may neither change incidents nor delete tickets");

  await admin.query("call synced_tables.wait_for_verification(synced_tables.verify('support.incidents'))");
  done('every cell of support.incidents equals its source');
  stream.close();
}

/** Calls of the portal; the answer is parsed, also that of a refusal. */
function callsOf({ url }) {
  return async (method, path, body) => {
    const response = await fetch(url + path, { method, ...(body && { body: JSON.stringify(body) }) });
    return response.json();
  };
}

/** Listens to the portal's stream from now on. */
async function listen({ url }) {
  const closing = new AbortController();
  const response = await fetch(`${url}/api/stream`, { signal: closing.signal });
  const heard = [];
  let wake = () => {};
  const reading = (async () => {
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n');
      text = parts.pop();
      for (const part of parts) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (event) heard.push({ event, data: JSON.parse(data) });
      }
      wake();
    }
  })();
  reading.catch(() => {}); // it ends with close()
  return {
    /** Waits for an event that fits, also one that has come already. */
    async hear(event, fits) {
      const deadline = AbortSignal.timeout(waitMsMax);
      while (!heard.some((each) => each.event === event && fits(each.data))) {
        deadline.throwIfAborted();
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 1000).unref();
        });
      }
    },
    close: () => closing.abort(),
  };
}

async function refused(connectionString, statement, codes) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await assert.rejects(client.query(statement), ({ code }) => codes.includes(code));
  } finally {
    await client.end();
  }
}
