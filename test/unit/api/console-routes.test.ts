import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConsoleRoutes } from '../../../src/api/console/console-routes.js';
import type { ApiServer } from '../../../src/api/places/api-context.js';
import { settingsSchema } from '../../../src/settings/settings-schema.js';
import { buildTestServer } from '../../support/api-server.js';

// Goal: the console is found by browsers at every one of its addresses, is the same for everybody, and may run nothing but its
// own files.

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'test-console-'));
  await mkdir(path.join(folder, 'assets'));
  await writeFile(path.join(folder, 'index.html'), '<base href="/console/"><script src="./assets/a.js"></script>');
  await writeFile(path.join(folder, 'assets/a.js'), 'console.log(1)');
  await writeFile(path.join(folder, 'assets/a.js.gz'), gzipSync('console.log(1)'));
});

afterAll(() => rm(folder, { recursive: true }));

async function serve(input: object = {}, root = folder): Promise<ApiServer> {
  const server: ApiServer = Fastify();
  await addConsoleRoutes(server, settingsSchema.parse(input), root);
  return server;
}

describe('the page', () => {
  it('is the same at every address of the console', async () => {
    const server = await serve();
    for (const url of ['/console/', '/console/tables/app.gold.orders/events?q=x', '/console/catalog/a/b/c.js']) {
      const reply = await server.inject({ url });
      expect(reply.statusCode).toBe(200);
      expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(reply.headers['cache-control']).toBe('no-cache');
      expect(reply.body).toContain('<base href="/console/">');
    }
  });

  it('may run and load its own files only', async () => {
    const server = await serve();
    for (const url of ['/console/', '/console/assets/a.js']) {
      const policy = String((await server.inject({ url })).headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('is found by browsers at the root, and by nothing else', async () => {
    const server = await serve();
    const browser = await server.inject({ url: '/', headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(browser).toMatchObject({ statusCode: 302, headers: { location: 'console/' } });
    expect((await server.inject({ url: '/console' })).headers.location).toBe('console/');
    await using whole = await buildTestServer();
    expect((await whole.inject({ url: '/', headers: { accept: '*/*' } })).statusCode).toBe(404);
  });

  it('knows the path that a proxy puts before it', async () => {
    const server = await serve({ api: { public_url: 'https://data.example.com/syn"ced' } });
    expect((await server.inject({ url: '/console/tables' })).body).toContain('<base href="/syn%22ced/console/">');
  });

  it('says how to build it where it is not built', async () => {
    const server = await serve({}, path.join(folder, 'assets'));
    const reply = await server.inject({ url: '/console/' });
    expect(reply.body).toContain('The console is not built');
  });

  it('is not there when the settings switch it off', async () => {
    const server = await serve({ console: { enabled: false } });
    expect((await server.inject({ url: '/console/' })).statusCode).toBe(404);
    expect((await server.inject({ url: '/', headers: { accept: 'text/html' } })).statusCode).toBe(404);
  });
});

describe('its files', () => {
  it('are kept for good, and sent as they were compressed', async () => {
    const server = await serve();
    const plain = await server.inject({ url: '/console/assets/a.js' });
    expect(plain.body).toBe('console.log(1)');
    expect(plain.headers['cache-control']).toMatch(/max-age=31536000, immutable/);
    const gzipped = await server.inject({ url: '/console/assets/a.js', headers: { 'accept-encoding': 'gzip' } });
    expect(gzipped.headers['content-encoding']).toBe('gzip');
    expect(gzipped.headers['content-type']).toMatch(/javascript/);
  });

  it('are those of one folder', async () => {
    const server = await serve();
    for (const url of [
      '/console/assets/..%2findex.html',
      '/console/assets/%2e%2e%2f%2e%2e',
      '/console/assets/none.js',
    ]) {
      expect((await server.inject({ url })).statusCode, url).toBeGreaterThanOrEqual(400);
    }
  });
});
