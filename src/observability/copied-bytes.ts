import { channel } from 'node:diagnostics_channel';

/** What a COPY into Postgres has sent. */
export interface CopiedBytes {
  readonly database: string;
  readonly bytes: number;
}

const copied = channel('synced-tables.copied');

/** Informs subscribers in this process of a finished COPY; costs nothing without subscribers. */
export function publishCopiedBytes(done: CopiedBytes): void {
  if (copied.hasSubscribers) copied.publish(done);
}

/** @returns a function that ends the subscription */
export function onCopiedBytes(listener: (done: CopiedBytes) => void): () => void {
  const receive = (message: unknown) => listener(message as CopiedBytes);
  copied.subscribe(receive);
  return () => void copied.unsubscribe(receive);
}
