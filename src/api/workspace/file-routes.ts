import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { syncedTablesError } from '../../core/errors.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { WorkspaceEntry } from '../files/workspace-entry.js';
import type { OpenedFile } from '../files/workspace-files.js';
import type { ApiServer } from '../places/api-context.js';
import { nothing } from '../wire/wire-fields.js';
import {
  deleteInput,
  exportQuery,
  exportReply,
  IMPORT_FILE_PATH,
  importFileParams,
  importFileQuery,
  importInput,
  mkdirsInput,
  type ObjectInfo,
  objectInfo,
  objectList,
  pathQuery,
  WORKSPACE_PATH,
} from './file-schema.js';
import { readImportForm } from './import-form.js';

const tags = ['workspace'];
/** Content is kept as it is, whatever it is. */
const FORMATS: ReadonlySet<string> = new Set(['AUTO', 'RAW', 'SOURCE']);
/** Of JSON around the content, and of a form. */
const JSON_BYTES = 16_384;
const FORM_BYTES = 65_536;

/** The files of callers, as `databricks bundle` and `databricks workspace` keep them. */
export function addFileRoutes(server: ApiServer, workspace: CallersWorkspace): void {
  addReads(server, workspace);
  addChanges(server, workspace);
  void server.register(async (scope: ApiServer) => {
    const bodyLimit = workspace.fileBytes + FORM_BYTES;
    scope.addContentTypeParser('multipart/form-data', { parseAs: 'buffer', bodyLimit }, readImportForm);
    addImport(scope, workspace);
  });
  void server.register(async (scope: ApiServer) => {
    // Bodies are files: they go to the disk as they arrive.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: FastifyRequest, payload, done) => done(null, payload));
    addImportFile(scope, workspace);
  });
}

function addReads(server: ApiServer, workspace: CallersWorkspace): void {
  server.get(
    `${WORKSPACE_PATH}/get-status`,
    { schema: { tags, summary: 'Look at a file or folder', querystring: pathQuery, response: { 200: objectInfo } } },
    async ({ query, caller }) => objectInfoOf(await workspace.files().status(workspace.as(caller), query.path)),
  );
  server.get(
    `${WORKSPACE_PATH}/list`,
    { schema: { tags, summary: 'What is in a folder', querystring: pathQuery, response: { 200: objectList } } },
    async ({ query, caller }) => {
      const entries = await workspace.files().list(workspace.as(caller), query.path);
      return entries.length === 0 ? {} : { objects: entries.map(objectInfoOf) };
    },
  );
  server.get(
    `${WORKSPACE_PATH}/export`,
    {
      schema: {
        tags,
        summary: 'The content of a file: as it is with direct_download=true, else in base64',
        querystring: exportQuery,
        response: { 200: exportReply },
      },
    },
    async ({ query, caller }, reply) => {
      const format = query.format?.toUpperCase() || 'AUTO';
      if (!FORMATS.has(format)) throw refuseFormat(`Exporting as ${query.format}`);
      const file = await workspace.files().open(workspace.as(caller), query.path);
      return query.direct_download === true ? sendFile(reply, file) : contentOf(file, query.path);
    },
  );
}

async function sendFile(reply: FastifyReply, { handle, bytes }: OpenedFile): Promise<never> {
  void reply.header('content-type', 'application/octet-stream').header('content-length', bytes);
  if (bytes === 0) await handle.close();
  // Handed over as it is: only other replies are checked against their schema.
  return reply.send(bytes === 0 ? Buffer.alloc(0) : handle.createReadStream({ start: 0, end: bytes - 1 })) as never;
}

/** A file within a reply of its own. */
async function contentOf({ handle }: OpenedFile, path: string) {
  await using opened = handle;
  const content = await opened.readFile();
  return { content: content.toString('base64'), file_type: /\.([^./]+)$/.exec(path)?.[1] ?? '' };
}

function addChanges(server: ApiServer, workspace: CallersWorkspace): void {
  server.post(
    `${WORKSPACE_PATH}/mkdirs`,
    {
      schema: {
        tags,
        summary: 'Make a folder and those above it, as far as they are missing',
        body: mkdirsInput,
        response: { 200: nothing },
      },
    },
    async ({ body, caller }) => {
      await workspace.files().makeFolder(workspace.as(caller), body.path);
      return {};
    },
  );
  server.post(
    `${WORKSPACE_PATH}/delete`,
    {
      schema: {
        tags,
        summary: 'Delete a file, or with recursive a folder and all that is in it',
        body: deleteInput,
        response: { 200: nothing },
      },
    },
    async ({ body, caller }) => {
      await workspace.files().remove(workspace.as(caller), body.path, body.recursive === true);
      return {};
    },
  );
}

function addImport(server: ApiServer, workspace: CallersWorkspace): void {
  const contentLength = Math.ceil((workspace.fileBytes * 4) / 3) + 4;
  server.post(
    `${WORKSPACE_PATH}/import`,
    {
      bodyLimit: contentLength + JSON_BYTES,
      schema: {
        tags,
        summary: 'Keep a file, given in base64 or as a form, with format AUTO or RAW',
        body: importInput(contentLength),
        response: { 200: nothing },
      },
    },
    async ({ body, caller }) => {
      const format = body.format?.toUpperCase() ?? 'SOURCE';
      if (format !== 'AUTO' && format !== 'RAW') throw refuseFormat(`Importing as ${format}`);
      const content = [Buffer.from(body.content, 'base64')];
      await workspace
        .files()
        .write(workspace.as(caller), body.path, Readable.from(content, { objectMode: false }), body.overwrite === true);
      return {};
    },
  );
}

function addImportFile(server: ApiServer, workspace: CallersWorkspace): void {
  server.post(
    `${IMPORT_FILE_PATH}/*`,
    {
      schema: {
        tags,
        summary: 'Keep the body as a file; its folder must be there',
        params: importFileParams,
        querystring: importFileQuery,
        response: { 200: nothing },
      },
    },
    async ({ params, query, caller, raw }, reply) => {
      const path = `/${params['*'].replace(/^\/+/, '')}`;
      try {
        // Not closed with an error: the answer has to go out over the same connection.
        const content = raw.iterator({ destroyOnReturn: false });
        await workspace.files().write(workspace.as(caller), path, content, query.overwrite === true);
      } catch (error) {
        void reply.header('connection', 'close');
        raw.resume();
        throw error;
      }
      return {};
    },
  );
}

function refuseFormat(call: string) {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call,
    reason: 'files are kept as they are, and nothing here runs notebooks',
    alternative: 'Use format AUTO.',
  });
}

function objectInfoOf(entry: WorkspaceEntry): ObjectInfo {
  const time = (at: number | null) => (at === null ? undefined : BigInt(at));
  return {
    object_type: entry.kind,
    path: entry.path,
    object_id: BigInt(entry.id),
    resource_id: String(entry.id),
    ...(entry.kind === 'FILE' ? { size: BigInt(entry.bytes) } : {}),
    created_at: time(entry.createdAtMs),
    modified_at: time(entry.modifiedAtMs),
  };
}
