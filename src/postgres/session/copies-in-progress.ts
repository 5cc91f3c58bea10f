import type { ClientBase } from 'pg';

const copies = new WeakMap<ClientBase, () => number>();

/** From now on a session sends rows; `bytes` tells how many bytes of them so far. */
export function noteCopy(client: ClientBase, bytes: () => number): void {
  copies.set(client, bytes);
}

/** All rows are sent, or no more are wanted: from now on the server's answer is awaited. */
export function noteCopyEnd(client: ClientBase): void {
  copies.delete(client);
}

/** Bytes of rows that a session has sent so far; null for one that is not sending rows now. */
export function copiedBytesOf(client: ClientBase): number | null {
  return copies.get(client)?.() ?? null;
}
