import { z } from 'zod';
import { int64, maybe, text } from '../wire/wire-fields.js';

// The workspace service, as far as files go (docs/reference/databricks-api.md#workspace-files).

export const WORKSPACE_PATH = '/api/2.0/workspace';
export const IMPORT_FILE_PATH = '/api/2.0/workspace-files/import-file';

/** Clients send `true` and `false`, some with capitals. */
const flag = z
  .string()
  .max(5)
  .transform((value) => value.toLowerCase() === 'true');

export const pathQuery = z.looseObject({ path: text });
export const exportQuery = z.looseObject({
  path: text,
  format: z.string().max(20).optional(),
  direct_download: flag.optional(),
});

export const mkdirsInput = z.object({ path: text });
export const deleteInput = z.object({ path: text, recursive: maybe(z.boolean()) });
export const importFileParams = z.object({ '*': text });
export const importFileQuery = z.looseObject({ overwrite: flag.optional() });

/** @param contentLength of base64 */
export const importInput = (contentLength: number) =>
  z.object({
    path: text,
    content: z.string().max(contentLength),
    format: maybe(z.string().max(20)),
    language: maybe(z.string().max(20)),
    overwrite: maybe(z.boolean()),
  });

export const objectInfo = z.object({
  object_type: z.enum(['FILE', 'DIRECTORY']),
  path: z.string(),
  object_id: int64,
  resource_id: z.string(),
  size: int64.optional(),
  created_at: int64.optional(),
  modified_at: int64.optional(),
});

export type ObjectInfo = z.output<typeof objectInfo>;

export const objectList = z.object({ objects: z.array(objectInfo).optional() });
export const exportReply = z.object({ content: z.string(), file_type: z.string() });
