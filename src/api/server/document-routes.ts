import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ApiServer } from '../places/api-context.js';
import { type CachedDocument, cacheDocument, sendDocument } from '../wire/cached-document.js';

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const SVG = 'image/svg+xml';
const JSON_TEXT = 'application/json; charset=utf-8';

/** What the page may load, over HTTP or HTTPS as it came itself: its own files, and the icons within their style sheet. */
const PAGE_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** That of the console; the one of the package is somebody else's. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0c5cc5"/><path d="M4 5h8M4 8h8M4 11h5" stroke="#fff" stroke-width="1.6" stroke-linecap="round"/></svg>';

const UI_OPTIONS = { dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null };
const INITIALIZER = `const url = new URL('../../openapi.json', document.currentScript.src).href;
addEventListener('load', () => SwaggerUIBundle({ ...${JSON.stringify(UI_OPTIONS)}, url }));
`;

/** @param files the folder of its files, relative to the page */
function page(files: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>synced-tables API</title>
<link rel="stylesheet" href="${files}/swagger-ui.css">
<link rel="stylesheet" href="${files}/index.css">
<link rel="icon" type="image/svg+xml" href="${files}/icon.svg">
</head>
<body>
<div id="swagger-ui"></div>
<script src="${files}/swagger-ui-bundle.js"></script>
<script src="${files}/swagger-initializer.js"></script>
</body>
</html>
`;
}

/**
 * Serves the document at `/openapi.json`, and the page at `/docs` that shows it. Nobody needs a token for them, so a
 * request must cost next to nothing: each is made when it is first asked for, and kept.
 */
export function addDocumentRoutes(server: ApiServer): void {
  const add = (url: string, make: () => Promise<CachedDocument>) => {
    let kept: Promise<CachedDocument> | null = null;
    server.get(url, { schema: { hide: true } }, async (request, reply) => {
      kept ??= make().catch((error: unknown) => {
        kept = null;
        throw error;
      });
      return sendDocument(request, reply, await kept);
    });
  };
  const addFile = (name: string, contentType: string) =>
    add(`/docs/static/${name}`, async () => cacheDocument({ contentType, content: await readFile(fileOf(name)) }));
  const addPage = (url: string, files: string) =>
    add(url, () => cacheDocument({ contentType: HTML, content: page(files), policy: PAGE_POLICY }));

  add('/openapi.json', () => cacheDocument({ contentType: JSON_TEXT, content: JSON.stringify(server.swagger()) }));
  addPage('/docs', 'docs/static');
  addPage('/docs/', 'static');
  add('/docs/static/swagger-initializer.js', () => cacheDocument({ contentType: SCRIPT, content: INITIALIZER }));
  addFile('swagger-ui-bundle.js', SCRIPT);
  addFile('swagger-ui.css', CSS);
  addFile('index.css', CSS);
  add('/docs/static/icon.svg', () => cacheDocument({ contentType: SVG, content: ICON }));
}

const { resolve } = createRequire(import.meta.url);

function fileOf(name: string): string {
  return resolve(`@fastify/swagger-ui/static/${name}`);
}
