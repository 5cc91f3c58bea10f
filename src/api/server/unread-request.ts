import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { syncedTablesError } from '../../core/errors.js';
import { SAFETY_HEADERS } from '../wire/safety-headers.js';
import { toErrorReply } from './error-reply.js';

/** What Node rejected before there was a request: status, and the reason for the message. */
const REASONS: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'its line and headers are larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'it did not arrive whole in time'],
};

/**
 * Answers what could not be parsed as a request in the form of every other failure, and closes the connection: it never
 * reaches a route or an error handler.
 */
export function replyToUnreadRequest(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, reason] = REASONS[error.code ?? ''] ?? [400, 'it is not HTTP'];
  const { body } = toErrorReply(syncedTablesError('REQUEST_INVALID', { reason }, error), { id: requestId });
  const text = Buffer.from(JSON.stringify(body));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${text.length}`,
    'Connection: close',
    ...Object.entries(SAFETY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  if (socket.writable) socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), text]));
  socket.destroy(error);
}
