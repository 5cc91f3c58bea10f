import { asSyncedTablesError } from '../../../core/errors.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { requireSeesSources } from '../../synced-tables/source-rights.js';
import { nothing } from '../../wire/wire-fields.js';
import { addressOf } from '../statements/statement-place.js';
import { rowsFor } from './earlier-rows.js';
import { draftPreview, keyOf } from './preview-draft.js';
import { PreviewJobs } from './preview-jobs.js';
import { jobReplyOf, logReplyOf } from './preview-reply.js';
import { PREVIEWS_PATH, previewInput, previewParams, previewReply } from './preview-schema.js';
import { SharedPreviews } from './shared-previews.js';

const tags = ['synced-tables'];

/** What creating a synced table would meet: from metadata at once, from the rows as a job. */
export function addPreviewRoutes(server: ApiServer, context: ApiContext): void {
  const jobs = new PreviewJobs(new SharedPreviews(context), (error, doing) =>
    context.logger.warn({ error, code: asSyncedTablesError(error)?.code }, `${doing} failed`),
  );
  server.addHook('onClose', () => jobs.stop());
  server.post(
    PREVIEWS_PATH,
    {
      schema: {
        tags,
        summary: 'What creating a synced table would meet',
        body: previewInput,
        response: { 200: previewReply },
      },
    },
    async (request) => {
      const { body: input, caller } = request;
      await requireSeesSources(context, caller);
      const draft = await draftPreview(context, caller, { input, server: addressOf(context, request) });
      if (input.depth === 'log') {
        const earlier = input.rows_from === undefined ? null : await jobs.rows(caller, input.rows_from);
        return logReplyOf(draft, rowsFor(draft, earlier));
      }
      const source = input.source_table_full_name;
      const job = await jobs.start({
        caller,
        source,
        draft,
        read: (signal, onStep) => context.sources.previewRows(source, { ...keyOf(draft), signal, onStep }),
      });
      void job.end.then(() => {
        const error = job.failure;
        if (error !== null && !asSyncedTablesError(error)) context.logger.error({ error, source }, 'a preview failed');
      });
      return jobReplyOf(job);
    },
  );
  server.get(
    `${PREVIEWS_PATH}/:id`,
    {
      schema: {
        tags,
        summary: 'A preview that reads rows, of the same caller',
        params: previewParams,
        response: { 200: previewReply },
      },
    },
    ({ params, caller }) => jobs.reply(caller, params.id),
  );
  server.delete(
    `${PREVIEWS_PATH}/:id`,
    { schema: { tags, summary: 'End a preview that reads rows', params: previewParams, response: { 200: nothing } } },
    async ({ params, caller }) => {
      await jobs.cancel(caller, params.id);
      return {};
    },
  );
}
