import type { FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../core/errors.js';

/**
 * Reads a form as SDKs send it to keep a file: the fields of the JSON body, with the content as a file.
 * @throws REQUEST_INVALID
 */
export async function readImportForm(request: FastifyRequest, body: Buffer): Promise<Record<string, unknown>> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const form = await new Response(new Uint8Array(body), { headers }).formData().catch((error: unknown) => {
    throw syncedTablesError(
      'REQUEST_INVALID',
      { reason: 'the body is not the form that its content type says' },
      error,
    );
  });
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    fields[name] = typeof value === 'string' ? value : Buffer.from(await value.arrayBuffer()).toString('base64');
  }
  return 'overwrite' in fields ? { ...fields, overwrite: String(fields.overwrite).toLowerCase() === 'true' } : fields;
}
