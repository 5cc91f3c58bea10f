import { channel } from 'node:diagnostics_channel';

/** What a COPY into Postgres has sent. */
export interface CopiedBytes {
  readonly database: string;
  readonly bytes: number;
}

const copied = channel('synced-tables.copied');

/** Tells whoever listens in this process of a COPY that is over; costs nothing when nobody does. */
export function publishCopiedBytes(done: CopiedBytes): void {
  if (copied.hasSubscribers) copied.publish(done);
}

/** @returns ends the subscription */
export function onCopiedBytes(listener: (done: CopiedBytes) => void): () => void {
  const receive = (message: unknown) => listener(message as CopiedBytes);
  copied.subscribe(receive);
  return () => void copied.unsubscribe(receive);
}
