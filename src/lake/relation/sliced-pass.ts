import type { HeldPart, PartPass, RowSlices } from './relation.js';

/** A pass that gives each part of another one in slices of its rows. For one reader: it reads one part at a time. */
export class SlicedPass implements PartPass {
  readonly #pass: PartPass;
  readonly #slices: RowSlices;
  #part: HeldPart | null = null;
  #from = 0;

  constructor(pass: PartPass, slices: RowSlices) {
    this.#pass = pass;
    this.#slices = slices;
  }

  async next(): Promise<HeldPart | null> {
    const { rowNumber, rowsAtOnce, rowsMax } = this.#slices;
    if (this.#part === null || this.#from >= rowsMax) {
      await this.#release();
      this.#part = await this.#pass.next();
      this.#from = 0;
      if (this.#part === null) return null;
    }
    const from = this.#from;
    this.#from += rowsAtOnce;
    const isWithin = `${rowNumber} >= ${from} and ${rowNumber} < ${this.#from}`;
    const select = `select * exclude (${rowNumber}) from (${this.#part.select}) where ${isWithin}`;
    return { select, files: this.#part.files, [Symbol.asyncDispose]: async () => {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
    await this.#pass[Symbol.asyncDispose]();
  }

  async #release(): Promise<void> {
    await this.#part?.[Symbol.asyncDispose]();
    this.#part = null;
  }
}
