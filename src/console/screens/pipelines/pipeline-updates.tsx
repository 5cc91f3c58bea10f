import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import type { PipelineUpdateList } from '../../../api/native/pipelines/pipeline-update-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { useQuery } from '../../data/use-query.js';
import { CopyAs } from '../../parts/copy-as.js';
import { ListHead } from '../../parts/list-head.js';
import { Loaded } from '../../parts/loaded.js';
import { NextPage } from '../../parts/next-page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { Ago } from '../../parts/time.js';
import { callSnippets, quoteLiteral } from '../../words/quoting.js';
import { durationText } from '../../words/times.js';
import { UpdateState } from '../table/update-state.js';
import { secondsOf } from '../table/update-words.js';
import { pipelinesTexts } from './texts.js';
import { UpdatedTables } from './updated-tables.js';

const { updates: texts } = pipelinesTexts;

type Update = PipelineUpdateList['updates'][number];

/** The updates of a pipeline, newest first, each with what it did to its tables. */
export function PipelineUpdates({ pipeline }: { readonly pipeline: OnePipelineReply }) {
  const path = `/api/2.0/synced-tables/pipelines/${pipeline.pipeline_id}/updates`;
  return (
    <>
      <UpdatePage pipeline={pipeline} path={path} token={null} />
      <details class="page-elsewhere">
        <summary>{pipelinesTexts.elsewhere}</summary>
        <CopyAs
          what={texts.these}
          snippets={{
            SQL: `SELECT * FROM synced_tables.updates WHERE pipeline_id = ${quoteLiteral(pipeline.pipeline_id)} ORDER BY created_at DESC;`,
            ...callSnippets(serverUrl, { method: 'GET', path }),
          }}
        />
      </details>
    </>
  );
}

interface UpdatePageProps {
  readonly pipeline: OnePipelineReply;
  readonly path: string;
  /** Null for the newest, which is kept fresh; older ones stay as they were read. */
  readonly token: string | null;
}

function UpdatePage({ pipeline, path, token }: UpdatePageProps) {
  const isFirst = token === null;
  const query = useQuery<PipelineUpdateList>(isFirst ? path : `${path}?page_token=${encodeURIComponent(token)}`, {
    hints: isFirst ? ['update:', 'table:'] : [],
    isLive: isFirst,
    isBusy: ({ updates }) => updates.some(({ finished_at: finished }) => finished === null),
  });
  return (
    <Loaded query={query} what={texts.what} skeleton={<Skeleton rows={5} />}>
      {({ updates, next_page_token: next }) => (
        <>
          {isFirst && updates.length === 0 && <p>{texts.none}</p>}
          {updates.length > 0 && (
            <table class="list pipeline-updates">
              <ListHead columns={texts.columns} isHidden={!isFirst} />
              <tbody>
                {updates.map((update) => (
                  <UpdateRow key={update.update_id} pipeline={pipeline} update={update} />
                ))}
              </tbody>
            </table>
          )}
          <NextPage
            token={next}
            verb={texts.more}
            page={(older) => <UpdatePage pipeline={pipeline} path={path} token={older} />}
          />
        </>
      )}
    </Loaded>
  );
}

function UpdateRow({ pipeline, update }: { readonly pipeline: OnePipelineReply; readonly update: Update }) {
  const causes: Readonly<Record<string, string>> = pipelinesTexts.causes;
  const seconds = secondsOf(update, Date.now());
  const events = `/pipelines/${pipeline.pipeline_id}/events?q=${update.update_id}`;
  return (
    <tr>
      <td>
        <UpdateState update={update} />
      </td>
      <td>
        <Ago time={update.created_at} />
        {update.next_attempt_at !== null && update.finished_at === null && (
          <span class="quiet line">
            {pipelinesTexts.retry} <Ago time={update.next_attempt_at} />
          </span>
        )}
      </td>
      <td>
        {causes[update.cause] ?? update.cause}
        {update.requested_by !== null && <span class="quiet line">{pipelinesTexts.by(update.requested_by)}</span>}
      </td>
      <td class="number">
        {seconds !== null && (
          <>
            <span class="card-word">{texts.columns.time} </span>
            {durationText(seconds)}
          </>
        )}
      </td>
      <td>
        {update.full_refresh && <span class="chip">{pipelinesTexts.full}</span>}
        {update.is_of_some && <span class="chip">{texts.ofSome}</span>}
        {update.attempt > 1 && <span class="chip">{pipelinesTexts.attempt(update.attempt)}</span>}
        {update.error_code !== null && <a href={hrefOf(`/errors/${update.error_code}`)}>{update.error_code}</a>}{' '}
        {update.message}
        <UpdatedTables update={update} />
        <a href={hrefOf(events)}>{texts.events}</a>
      </td>
    </tr>
  );
}
