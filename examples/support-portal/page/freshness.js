// How old the predictions are, and whether the page hears of new ones.
import { byId, setText } from './dom.js';

export class Freshness {
  #place = byId('freshness');
  #isLive = false;
  #version = null;
  #scoredAt = null;
  /** How far the server's clock is ahead of ours. */
  #clockMs = 0;

  constructor() {
    setInterval(() => this.#draw(), 1000);
  }

  set isLive(isLive) {
    this.#isLive = isLive;
    this.#draw();
  }

  /** Takes over what an answer of the server says. */
  note({ version, scoredAt, now }) {
    this.#version = version;
    this.#scoredAt = scoredAt;
    this.#clockMs = Date.parse(now) - Date.now();
    this.#draw();
  }

  #draw() {
    const live = this.#isLive ? 'live' : 'not live: trying again';
    this.#place.classList.toggle('is-live', this.#isLive);
    if (this.#scoredAt === null) return setText(this.#place, live);
    const version = this.#version === null ? '' : ` (version ${this.#version})`;
    setText(this.#place, `Predictions ${this.#age()} old${version}, ${live}`);
  }

  #age() {
    const seconds = Math.max(0, (Date.now() + this.#clockMs - Date.parse(this.#scoredAt)) / 1000);
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
  }
}
