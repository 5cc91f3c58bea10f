import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../core/errors.js';
import type { Settings } from '../../settings/settings-schema.js';
import type { ApiServer } from '../places/api-context.js';
import { type CachedDocument, cacheDocument, sendDocument } from '../wire/cached-document.js';
import { publicPath } from './console-address.js';

/** Where `npm run build` puts the page; found from src and from dist alike. */
const BUILT = fileURLToPath(new URL('../../../dist/console/', import.meta.url));

/** The page runs its own files and talks to its own server; nothing else, and nothing may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy':
    'camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/**
 * The web console at `/console/`, whose addresses all give the same page, and the way there from `/` for browsers. The page
 * is the same for everybody, so it needs no token; what it shows comes from calls that do.
 */
export async function addConsoleRoutes(server: ApiServer, settings: Settings, folder = BUILT): Promise<void> {
  if (!settings.console.enabled) return;
  await server.register(async (scope: ApiServer) => {
    await scope.register(fastifyStatic, {
      root: path.join(folder, 'assets'),
      serve: false,
      preCompressed: true,
      // Names of assets change with their content.
      maxAge: '365d',
      immutable: true,
    });
    const page = keepPage(folder, publicPath(settings));
    const options = { schema: { hide: true } };
    const sendPage = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.headers(HEADERS);
      return sendDocument(request, reply, await page());
    };
    scope.get('/', options, async (request, reply) => {
      if (/\btext\/html\b/.test(request.headers.accept ?? '')) return reply.redirect('console/');
      throw syncedTablesError('ROUTE_NOT_FOUND', { method: request.method, path: '/' });
    });
    // Relative: there may be a path before it that we do not see.
    scope.get('/console', options, async (_request, reply) => reply.redirect('console/'));
    scope.get('/console/', options, sendPage);
    scope.get('/console/*', options, sendPage);
    scope.get('/console/assets/:file', options, async (request, reply) => {
      const { file } = request.params as { file: string };
      return reply.headers({ ...HEADERS, 'content-security-policy': POLICY }).sendFile(file);
    });
  });
}

/** The page is read when it is first asked for, and kept. @throws CONSOLE_NOT_BUILT */
function keepPage(folder: string, publicRoot: string): () => Promise<CachedDocument> {
  let kept: Promise<CachedDocument> | null = null;
  return () => {
    kept ??= readPage(folder, publicRoot).catch((error: unknown) => {
      kept = null;
      throw error;
    });
    return kept;
  };
}

async function readPage(folder: string, publicRoot: string): Promise<CachedDocument> {
  try {
    const text = await readFile(path.join(folder, 'index.html'), 'utf8');
    const content = text.replace('<base href="/console/">', `<base href="${attribute(`${publicRoot}console/`)}">`);
    return await cacheDocument({ contentType: 'text/html; charset=utf-8', content, policy: POLICY });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw syncedTablesError('CONSOLE_NOT_BUILT', {}, error);
  }
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}
