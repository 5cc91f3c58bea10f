import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A document that is the same for everybody, ready to be sent. */
export interface CachedDocument {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

export interface DocumentContent {
  readonly contentType: string;
  readonly content: string | Buffer;
  /** The Content-Security-Policy of a page. */
  readonly policy?: string;
}

export async function cacheDocument({ contentType, content, policy }: DocumentContent): Promise<CachedDocument> {
  const bytes = Buffer.from(content);
  // Weak, since it stands for the compressed form too.
  const etag = `W/"${createHash('sha256').update(bytes).digest('base64url')}"`;
  const headers = {
    etag,
    vary: 'accept-encoding',
    'cache-control': 'no-cache',
    'content-type': contentType,
    ...(policy === undefined ? {} : { 'content-security-policy': policy }),
  };
  return { headers, etag, bytes, gzipped: await promisify(gzip)(bytes) };
}

/** Sends a document, compressed if the caller reads that, or 304 to whoever has it already. */
export function sendDocument(request: FastifyRequest, reply: FastifyReply, document: CachedDocument): FastifyReply {
  const known = elementsOf(request.headers['if-none-match']);
  reply.headers(document.headers);
  if (known.includes(document.etag) || known.includes('*')) return reply.code(304).send();
  if (!acceptsGzip(request.headers['accept-encoding'])) return reply.send(document.bytes);
  return reply.header('content-encoding', 'gzip').send(document.gzipped);
}

function acceptsGzip(encodings: string | string[] | undefined): boolean {
  return elementsOf(encodings).some((encoding) => /^gzip\s*(;\s*q=(1|0\.\d*[1-9]).*)?$/i.test(encoding));
}

function elementsOf(header: string | string[] | undefined): string[] {
  return String(header ?? '')
    .split(',')
    .map((element) => element.trim());
}
