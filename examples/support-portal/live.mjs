// Tells open pages that something has changed: what the database announces goes on as server-sent events. They are hints
// without rows: a page that hears one asks again for what it shows.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Changes within this time are told together. */
const debounceMs = 250;
const heartbeatMs = 15_000;
const streamsMax = 100;
/** What a browser has not read of its stream; one that reads nothing is left. */
const unreadBytesMax = 65_536;
const reconnectMs = 1000;

export class Live {
  #connectionString;
  #streams = new Set();
  #closing = new AbortController();
  #listening;
  #sendTimer;
  #heartbeat;
  /** What was heard and not told yet. */
  #pending = { predictions: false, tickets: new Set() };

  /** The version of the source that support.incidents shows; null until it is announced. */
  version = null;
  isListening = false;

  constructor(connectionString) {
    this.#connectionString = connectionString;
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), heartbeatMs);
    this.#listening = this.#listen();
  }

  /** Answers a request with the stream, until the browser goes away; false if there are too many. */
  addStream(response) {
    if (this.#streams.size >= streamsMax) return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.on('close', () => this.#streams.delete(response));
    response.write(eventText('connection', { live: this.isListening }));
    this.#streams.add(response);
    return true;
  }

  async close() {
    this.#closing.abort();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#sendTimer);
    for (const response of this.#streams) response.end();
    await this.#listening;
  }

  /** Listens, and connects again whenever the connection is lost. */
  async #listen() {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#listenOnce(signal).catch(({ message }) => console.error(`support-portal: not live: ${message}`));
      // What is announced meanwhile is lost: pages ask anew for everything once this is true again.
      this.#setListening(false);
      await sleep(reconnectMs, undefined, { signal }).catch(() => {});
    }
  }

  async #listenOnce(signal) {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: 'support-portal listener',
      keepAlive: true,
    });
    const ended = new Promise((resolve, reject) => {
      client.once('end', resolve);
      client.on('error', reject);
      signal.addEventListener('abort', resolve, { once: true });
    });
    ended.catch(() => {}); // is awaited below, if it comes to that
    client.on('notification', ({ channel, payload }) => this.#hear(channel, payload));
    try {
      await client.connect();
      await client.query('listen synced_table_updates; listen portal_changes');
      this.#setListening(true);
      await ended;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #setListening(isListening) {
    if (this.isListening === isListening) return;
    this.isListening = isListening;
    this.#write(eventText('connection', { live: isListening }));
  }

  /** Anybody in the database may announce anything: what is not ours is passed over. */
  #hear(channel, payload) {
    const { incident_id: id, table, version } = parseObject(payload);
    if (channel === 'portal_changes' && typeof id === 'string') this.#pending.tickets.add(id);
    else if (table === 'support.incidents') {
      this.version = Number.isInteger(version) ? version : null;
      this.#pending.predictions = true;
    } else return;
    this.#sendTimer ??= setTimeout(() => this.#send(), debounceMs);
  }

  #send() {
    const { predictions, tickets } = this.#pending;
    this.#sendTimer = undefined;
    this.#pending = { predictions: false, tickets: new Set() };
    if (predictions) this.#write(eventText('predictions', { version: this.version }));
    if (tickets.size > 0) this.#write(eventText('tickets', { ids: [...tickets] }));
  }

  #write(text) {
    for (const response of this.#streams) {
      if (response.writableLength > unreadBytesMax) response.destroy();
      else response.write(text);
    }
  }
}

function eventText(event, data) {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function parseObject(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
