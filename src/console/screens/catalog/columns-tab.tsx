import type { PreviewReply } from '../../../api/native/previews/preview-schema.js';
import type { SourceReply } from '../../../api/native/sources/source-schema.js';
import { isNamedLikeKey } from '../../../core/likely-key.js';
import { hrefOf } from '../../app/places.js';
import { usePreviewJob } from '../../data/preview-job.js';
import { ErrorBox } from '../../parts/error-box.js';
import { Icon } from '../../parts/icon.js';
import { Progress } from '../../parts/progress.js';
import { rowsText } from '../../words/numbers.js';
import { sourceTexts } from './texts.js';

const texts = sourceTexts.column;
type Column = SourceReply['columns'][number];

/** The columns with their types here and there, and a look at the rows for keys. */
export function ColumnsTab({ source }: { readonly source: SourceReply }) {
  const job = usePreviewJob();
  const found = job.reply?.rows ? job.reply : null;
  return (
    <>
      <KeySearch source={source} job={job} />
      <table class="list columns-list">
        <thead>
          <tr>
            <th scope="col" class="number">
              {texts.place}
            </th>
            <th scope="col">{texts.name}</th>
            <th scope="col">{texts.source}</th>
            <th scope="col">{texts.postgres}</th>
            <th scope="col">{texts.nulls}</th>
            <th scope="col">{texts.key}</th>
            <th scope="col">{texts.comment}</th>
          </tr>
        </thead>
        <tbody>
          {source.columns.map((column, place) => (
            <ColumnRow key={column.name} column={column} place={place + 1} keyWord={keyWord(column, source, found)} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function keyWord({ name, can_be_key: canBeKey }: Column, source: SourceReply, found: PreviewReply | null): string {
  if (source.declared_key?.columns.includes(name)) return texts.declared;
  const candidates = found?.rows?.key_candidates ?? null;
  if (candidates !== null) return candidates.includes(name) ? texts.candidate : '';
  return canBeKey && isNamedLikeKey(name) ? texts.likely : '';
}

function ColumnRow({ column, place, keyWord: key }: { column: Column; place: number; keyWord: string }) {
  const { name, source_type: type, postgres_type: postgres, problem, nullable, partition_index: partition } = column;
  const notes = [key, partition === null ? '' : texts.partition(partition + 1)].filter((note) => note !== '');
  return (
    <tr>
      <td class="number quiet column-place">{place}</td>
      <th scope="row">{name}</th>
      <td data-label={texts.source}>
        <code>{type}</code>
      </td>
      <td data-label={texts.postgres}>
        {problem ? (
          <span class="state group-fail" title={`${problem.message} ${problem.remedy}`}>
            <Icon name="octagon" />
            <span>
              {texts.impossible} <a href={hrefOf(`/errors/${problem.error_code}`)}>{problem.error_code}</a>
            </span>
          </span>
        ) : (
          <code>{postgres}</code>
        )}
      </td>
      <td data-label={texts.nulls}>{nullable ? texts.yes : texts.no}</td>
      <td class="column-notes" data-label={texts.key}>
        {notes.join(', ')}
      </td>
      <td data-label={texts.comment}>{column.comment}</td>
    </tr>
  );
}

function KeySearch({ source, job }: { source: SourceReply; job: ReturnType<typeof usePreviewJob> }) {
  const { reply, isRunning } = job;
  const rows = source.row_count === null ? sourceTexts.allRows : rowsText(source.row_count);
  if (isRunning) {
    const done = reply?.steps_done ?? 0;
    const total = reply?.steps_total ?? null;
    return (
      <div class="key-search" role="status">
        <Progress completion={total === null ? null : done / total} text={sourceTexts.looking(done, total)} />
        <button type="button" onClick={job.cancel}>
          {sourceTexts.cancel}
        </button>
      </div>
    );
  }
  const start = () => job.start({ source_table_full_name: source.name });
  return (
    <div class="key-search">
      <button type="button" onClick={start}>
        <Icon name="search" />
        {sourceTexts.look(rows)}
      </button>
      {job.error && <ErrorBox error={job.error} what={sourceTexts.sampleWhat} onRetry={start} />}
      {reply && <SearchResult reply={reply} />}
    </div>
  );
}

/** What the rows told, beyond the keys that the list shows. */
function SearchResult({ reply }: { readonly reply: PreviewReply }) {
  const { rows, failure } = reply;
  if (failure) {
    return (
      <p role="alert">
        {failure.message} {failure.remedy} <a href={hrefOf(`/errors/${failure.error_code}`)}>{failure.error_code}</a>
      </p>
    );
  }
  if (rows === null) return null;
  const problems = [...reply.stops, ...reply.warnings, ...reply.hints].filter(
    ({ error_code: code }) => code === 'CHARACTER_NOT_IN_REPERTOIRE' || code === 'SPOOL_TOO_SMALL',
  );
  return (
    <>
      <p role="status">
        {sourceTexts.looked(
          rows.row_count === null ? sourceTexts.allRows : rowsText(rows.row_count),
          rows.key_candidates,
        )}
      </p>
      {problems.map(({ message, error_code: code }) => (
        <p key={message}>
          <span class="state group-warn">
            <Icon name="triangle" />
            <span>
              {message} <a href={hrefOf(`/errors/${code}`)}>{code}</a>
            </span>
          </span>
        </p>
      ))}
    </>
  );
}
