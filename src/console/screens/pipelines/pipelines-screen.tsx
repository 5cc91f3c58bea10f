import { useState } from 'preact/hooks';
import type { PipelineListReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf, serverUrl } from '../../app/places.js';
import { setQuery, usePlace } from '../../app/router.js';
import { call } from '../../data/request.js';
import { useAct } from '../../data/use-act.js';
import { useQuery } from '../../data/use-query.js';
import { ActError } from '../../parts/act-error.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Choice, TextFilter } from '../../parts/filters.js';
import { Loaded } from '../../parts/loaded.js';
import { Page } from '../../parts/page.js';
import { Skeleton } from '../../parts/skeleton.js';
import { callSnippets, pythonWithClient } from '../../words/quoting.js';
import { PipelineRow } from './pipeline-row.js';
import { pipelinesTexts, SQL_OF_A_FLOW } from './texts.js';
import './pipelines.css';

const PIPELINES = '/api/2.0/synced-tables/pipelines';
const PAGE = 100;
const PYTHON_LIST = 'for pipeline in w.pipelines.list_pipelines():\n    print(pipeline.name, pipeline.state)';
const FIELDS = ['q', 'kind', 'state', 'instance', 'database'] as const;
const NO_FILTER = Object.fromEntries(FIELDS.map((field) => [field, null]));

/** What runs together, when, and who works on it. */
export function Screen() {
  const { query } = usePlace();
  const filter = new URLSearchParams(
    FIELDS.flatMap((field) => (query.get(field) ? [[field, query.get(field) ?? '']] : [])),
  );
  const text = filter.toString();
  const path = `${PIPELINES}${text === '' ? '' : `?${text}`}`;
  const list = useQuery<PipelineListReply>(path, {
    hints: ['table:', 'pipeline'],
    isBusy: ({ pipelines }) => pipelines.some(({ state }) => state === 'WORKING' || state === 'WAITING'),
  });
  return (
    <Page title={pipelinesTexts.title}>
      <search class="filter-bar">
        <TextFilter name={pipelinesTexts.filter} value={query.get('q') ?? ''} onChange={(q) => setQuery({ q })} />
        <Choice name={pipelinesTexts.kind} field="kind" query={query} onChange={setQuery}>
          {(['SYNCED_TABLES', 'FLOWS'] as const).map((value) => ({ value, word: pipelinesTexts.kinds[value] }))}
        </Choice>
        <Choice name={pipelinesTexts.state} field="state" query={query} onChange={setQuery}>
          {(['FAILED', 'WORKING', 'WAITING', 'RESTING', 'PAUSED'] as const).map((value) => ({
            value,
            word: pipelinesTexts.states[value],
          }))}
        </Choice>
        {text !== '' && (
          <button type="button" onClick={() => setQuery(NO_FILTER)}>
            {pipelinesTexts.clear}
          </button>
        )}
      </search>
      <Loaded query={list} what={pipelinesTexts.what} skeleton={<Skeleton rows={8} />}>
        {(reply) => <PipelineList reply={reply} path={path} isFiltered={text !== ''} />}
      </Loaded>
    </Page>
  );
}

interface PipelineListProps {
  readonly reply: PipelineListReply;
  readonly path: string;
  readonly isFiltered: boolean;
}

function PipelineList({ reply, path, isFiltered }: PipelineListProps) {
  const more = useMorePages(path, reply);
  const pipelines = [...reply.pipelines, ...more.pipelines];
  return (
    <>
      {reply.unreachable.map(({ instance, database, message, error_code: code }) => (
        <p key={`${instance}/${database}`} class="box box-fail">
          <strong>{pipelinesTexts.down(`${instance}/${database}`)}</strong> {message}{' '}
          <a href={hrefOf(`/errors/${code}`)}>{code}</a>
        </p>
      ))}
      {pipelines.length === 0 ? (
        <Empty isFiltered={isFiltered} />
      ) : (
        <table class="list pipelines">
          <thead>
            <tr>
              {Object.entries(pipelinesTexts.columns).map(([name, word]) => (
                <th key={name} scope="col">
                  {word}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {pipelines.map((pipeline) => (
              <PipelineRow key={pipeline.pipeline_id} pipeline={pipeline} />
            ))}
          </tbody>
        </table>
      )}
      <footer class="list-foot">
        <p>{pipelinesTexts.shown(pipelines.length, reply.total)}</p>
        {pipelines.length < reply.total && (
          <button type="button" onClick={more.load}>
            {pipelinesTexts.more(Math.min(PAGE, reply.total - pipelines.length))}
          </button>
        )}
        <ActError error={more.error} />
        <details>
          <summary>{pipelinesTexts.elsewhere}</summary>
          <CopyAs
            what={pipelinesTexts.thisList}
            snippets={{
              SQL: 'SELECT DISTINCT pipeline_id, scheduling_policy, publish FROM synced_tables.status;',
              ...callSnippets(serverUrl, { method: 'GET', path }),
              ...(isFiltered ? {} : { Python: pythonWithClient(serverUrl, PYTHON_LIST) }),
            }}
          />
        </details>
      </footer>
    </>
  );
}

/** Pages after the first, read on request; they are not kept fresh. */
function useMorePages(path: string, first: PipelineListReply) {
  const [pages, setPages] = useState<{ path: string; read: readonly PipelineListReply[] }>({ path, read: [] });
  const { error, run } = useAct();
  const read = pages.path === path ? pages.read : [];
  const token = (read.at(-1) ?? first).next_page_token;
  const load = () =>
    void run(async () => {
      const page = await call<PipelineListReply>(`${path}${path.includes('?') ? '&' : '?'}page_token=${token ?? ''}`);
      setPages({ path, read: [...read, page] });
    });
  return { pipelines: read.flatMap((page) => page.pipelines), load, error };
}

function Empty({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <section class="empty">
        <h2>{pipelinesTexts.empty.noMatch}</h2>
        <button type="button" onClick={() => setQuery(NO_FILTER)}>
          {pipelinesTexts.clear}
        </button>
      </section>
    );
  }
  return (
    <section class="empty">
      <h2>{pipelinesTexts.empty.none}</h2>
      <p>{pipelinesTexts.empty.why}</p>
      <CopyAs what={pipelinesTexts.empty.none} snippets={{ SQL: SQL_OF_A_FLOW }} />
      <p>
        <a href={hrefOf('/create')}>{pipelinesTexts.empty.create}</a>
      </p>
    </section>
  );
}
