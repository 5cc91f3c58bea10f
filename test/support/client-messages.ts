/** A message of a Postgres client. */
export interface ClientMessage {
  readonly bytes: Buffer;
  /** What it asks for, in lower case: the text of a statement, `copy data`, `copy done`; empty for others. */
  readonly statement: string;
  /** Whether the server answers it at once, without waiting for further messages. */
  readonly isComplete: boolean;
}

const QUERY = 'Q';
const PARSE = 'P';
const SYNC = 'S';
const COPY_DATA = 'd';
const COPY_DONE = 'c';

/** Cuts what a Postgres client sends into its messages. */
export class ClientMessages {
  /** From the startup packet; null before it came. */
  applicationName: string | null = null;
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole now. */
  push(chunk: Buffer): ClientMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: ClientMessage[] = [];
    for (let message = this.#next(); message !== null; message = this.#next()) messages.push(message);
    return messages;
  }

  #next(): ClientMessage | null {
    // The startup packet has no type.
    const lengthAt = this.applicationName === null ? 0 : 1;
    if (this.#rest.length < lengthAt + 4) return null;
    const length = lengthAt + this.#rest.readInt32BE(lengthAt);
    if (this.#rest.length < length) return null;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    if (lengthAt === 1) return describe(bytes);
    this.applicationName = /\0application_name\0([^\0]*)\0/.exec(bytes.toString('latin1'))?.[1] ?? '';
    return { bytes, statement: '', isComplete: true };
  }
}

function describe(bytes: Buffer): ClientMessage {
  const type = String.fromCharCode(bytes[0] ?? 0);
  const text = () => bytes.toString('utf8', 5).toLowerCase();
  switch (type) {
    case QUERY:
      return { bytes, statement: text().split('\0')[0] ?? '', isComplete: true };
    case PARSE:
      // The name of the statement comes first.
      return { bytes, statement: text().split('\0')[1] ?? '', isComplete: false };
    case COPY_DATA:
      return { bytes, statement: 'copy data', isComplete: true };
    case COPY_DONE:
      return { bytes, statement: 'copy done', isComplete: true };
    default:
      return { bytes, statement: '', isComplete: type === SYNC };
  }
}
