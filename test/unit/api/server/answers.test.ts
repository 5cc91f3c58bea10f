import { gunzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { buildTestServer } from '../../../support/api-server.js';

// Goal: what anybody may read is made once, browsers are told to be careful with every answer, and refusals have the
// status that HTTP has for them.

const DOCUMENTS = [
  '/openapi.json',
  '/docs',
  '/docs/',
  '/docs/static/swagger-ui-bundle.js',
  '/docs/static/swagger-initializer.js',
];

describe('documents', () => {
  it.each(DOCUMENTS)('%s is sent compressed, or not again to whoever has it', async (url) => {
    await using server = await buildTestServer();
    const plain = await server.inject({ url });
    expect(plain.statusCode).toBe(200);
    const gzipped = await server.inject({ url, headers: { 'accept-encoding': 'br, gzip;q=0.8' } });
    expect(gzipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(gunzipSync(gzipped.rawPayload).equals(plain.rawPayload)).toBe(true);
    for (const encodings of ['gzip;q=0', 'gzip; q=0.0', 'identity', 'xgzip']) {
      const { headers } = await server.inject({ url, headers: { 'accept-encoding': encodings } });
      expect(headers['content-encoding']).toBeUndefined();
    }
    const etag = String(plain.headers.etag);
    const known = await server.inject({ url, headers: { 'if-none-match': `"other", ${etag}` } });
    expect(known).toMatchObject({ statusCode: 304, body: '' });
    expect(await server.inject({ url, headers: { 'if-none-match': '"other"' } })).toMatchObject({ statusCode: 200 });
    const head = await server.inject({ method: 'HEAD', url });
    expect(head).toMatchObject({ statusCode: 200, body: '' });
  });

  it('are not made again for each request', async () => {
    await using server = await buildTestServer();
    const made = vi.spyOn(JSON, 'stringify');
    try {
      for (let n = 0; n < 5; n++) await server.inject({ url: '/openapi.json' });
      const documents = made.mock.calls.filter(([value]) => typeof value === 'object' && 'openapi' in value);
      expect(documents).toHaveLength(1);
    } finally {
      made.mockRestore();
    }
  });
});

describe('headers', () => {
  it.each(['/healthz', '/readyz', '/api/2.0/nothing', '/api/2.0/database/synced_tables/%', '/openapi.json', '/docs'])(
    '%s can neither be framed, guessed at nor run by another site',
    async (url) => {
      await using server = await buildTestServer();
      const { headers } = await server.inject({ url });
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'cache-control': DOCUMENTS.includes(url) ? 'no-cache' : 'no-store',
      });
      // No host but our own, and nothing written into the page itself.
      expect(headers['content-security-policy']).not.toMatch(/https?:|unsafe|upgrade|\*|\w\.\w/);
    },
  );

  it('/docs loads nothing that its policy forbids', async () => {
    await using server = await buildTestServer();
    for (const url of ['/docs', '/docs/']) {
      const { body } = await server.inject({ url });
      expect(body).not.toMatch(/<script(?! src=)|<style|\sstyle=|\son\w+=/);
      const files = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
      expect(files.length).toBeGreaterThan(3);
      for (const file of files) {
        const found = await server.inject({ url: new URL(file, `http://a${url}`).pathname });
        expect(found).toMatchObject({ statusCode: 200 });
      }
    }
  });
});

describe('refusals', () => {
  const post = { method: 'POST', url: '/api/2.0/database/catalogs' } as const;
  const local = { host: 'localhost' };

  it('413 for a body that is too large', async () => {
    await using server = await buildTestServer();
    const reply = await server.inject({ ...post, headers: local, payload: `"${'x'.repeat(1_100_000)}"` });
    expect(reply.statusCode).toBe(413);
    expect(reply.json()).toMatchObject({
      error_code: 'INVALID_PARAMETER_VALUE',
      message: 'The body of the request is larger than 1 MiB. Send less in one request.',
      details: [{ reason: 'REQUEST_TOO_LARGE' }, {}],
    });
  });

  it('415 for a type of content that is none', async () => {
    await using server = await buildTestServer();
    const reply = await server.inject({ ...post, headers: { ...local, 'content-type': 'no type' }, payload: '{}' });
    expect(reply).toMatchObject({ statusCode: 415 });
    expect(reply.json()).toMatchObject({ details: [{ reason: 'REQUEST_INVALID' }, {}] });
  });

  it.each([
    ['PUT', '/api/2.0/database/synced_tables/a.b.c', 'DELETE, GET, HEAD, PATCH'],
    ['GET', '/api/2.0/database/catalogs', 'POST'],
    ['OPTIONS', '/api/2.0/database/instances/i/roles/a/b?x=y', 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
    ['POST', '/api/2.0/pipelines/p/stop/', null],
    ['GET', '/api/2.0/pipelines/p/stopped', null],
  ] as const)('%s of %s, which is called with %s', async (method, url, allowed) => {
    await using server = await buildTestServer();
    const reply = await server.inject({ method, url, headers: local });
    expect(reply.statusCode).toBe(allowed === null ? 404 : 405);
    expect(reply.headers.allow).toBe(allowed ?? undefined);
    const reason = allowed === null ? 'ROUTE_NOT_FOUND' : 'METHOD_NOT_ALLOWED';
    expect(reply.json()).toMatchObject({ details: [{ reason }, {}] });
  });

  it.each([
    ['cross-site', true],
    ['same-site', true],
    ['same-origin', false],
    ['none', false],
  ])('a request without a token that a browser calls %s is refused: %s', async (site, isRefused) => {
    await using server = await buildTestServer();
    const headers = { ...local, 'sec-fetch-site': site };
    const asked = await server.inject({ url: '/api/2.0/preview/scim/v2/Me', headers });
    expect(asked.statusCode).toBe(isRefused ? 403 : 200);
    const deleted = await server.inject({ method: 'DELETE', url: '/api/2.0/database/synced_tables/a.b.c', headers });
    expect(deleted.statusCode).toBe(isRefused ? 403 : 404);
  });
});
