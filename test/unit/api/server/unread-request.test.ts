import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { buildTestServer } from '../../../support/api-server.js';

// Goal: whoever sends what is no request is answered in the form of every other failure, and told what is wrong.

async function send(port: number, bytes: string): Promise<{ status: number; length: number; body: string }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
  return { status: Number(head.split(' ')[1]), length, body };
}

describe('bytes that are no request', () => {
  it.each([
    [
      'a header that is too long',
      `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      '16 KiB',
    ],
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'not HTTP'],
    ['a header without a name', 'GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 400, 'not HTTP'],
  ])('%s', async (_, bytes, status, reason) => {
    await using server = await buildTestServer();
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const reply = await send(port, bytes);
    expect(reply.status).toBe(status);
    expect(reply.length).toBe(Buffer.byteLength(reply.body));
    const body = JSON.parse(reply.body);
    expect(body).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE', message: expect.stringContaining(reason) });
    expect(body.details[1].request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });
});
