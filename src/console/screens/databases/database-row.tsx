import type { DatabasesReply } from '../../../api/native/databases/database-schema.js';
import { hrefOf } from '../../app/places.js';
import { Changing } from '../../parts/changing.js';
import { Icon } from '../../parts/icon.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { roughDuration } from '../../words/times.js';
import { databasesTexts } from './texts.js';

type Database = DatabasesReply['instances'][number]['databases'][number];

/** A database: a row, or a card where there is little room. */
export function DatabaseRow({ instance, database }: { readonly instance: string; readonly database: Database }) {
  const path = `/databases/${encodeURIComponent(instance)}/${encodeURIComponent(database.name)}`;
  return (
    <tr>
      <td>
        <a href={hrefOf(path)}>{database.name}</a>
        {database.is_home && <span class="quiet line">{databasesTexts.home}</span>}
        {database.catalogs.length > 0 && (
          <span class="quiet line">{databasesTexts.catalogs(database.catalogs.join(', '))}</span>
        )}
      </td>
      {database.problem === null ? (
        <Standing database={database} />
      ) : (
        <td colSpan={5}>
          <span class="state group-fail">
            <Icon name="octagon" />
            <span>{database.problem.message}</span>
          </span>{' '}
          {database.problem.remedy}{' '}
          <a href={hrefOf(`/errors/${database.problem.error_code}`)}>{database.problem.error_code}</a>
        </td>
      )}
    </tr>
  );
}

function Standing({ database }: { readonly database: Database }) {
  const { sql_side: sql, queue, size_bytes: size } = database;
  return (
    <>
      <td>
        {sql && (
          <span class={`state group-${sql.pending > 0 ? 'warn' : 'ok'}`}>
            <Icon name={sql.pending > 0 ? 'triangle' : 'check'} />
            <span>{sql.pending > 0 ? databasesTexts.pending(sql.pending) : databasesTexts.whole(sql.release)}</span>
          </span>
        )}
        {sql && sql.extension_version !== null && (
          <span class="quiet line">{databasesTexts.extension(sql.extension_version)}</span>
        )}
      </td>
      <td>
        <Sidecars database={database} />
      </td>
      <td>
        <span class="card-word">{databasesTexts.columns.queue} </span>
        {queue && <Changing text={queueText(queue)} />}
        {queue && queue.oldest_wait_seconds !== null && (
          <span class="quiet line">{databasesTexts.oldest(roughDuration(queue.oldest_wait_seconds))}</span>
        )}
      </td>
      <td>
        <span class="card-word">{databasesTexts.columns.tables} </span>
        <a href={hrefOf(`/tables?database=${encodeURIComponent(database.name)}`)}>
          {databasesTexts.synced(database.synced_tables ?? 0)}
        </a>
        {(database.streaming_tables ?? 0) > 0 && (
          <span class="line">{databasesTexts.streaming(database.streaming_tables ?? 0)}</span>
        )}
      </td>
      <td title={size === null ? undefined : `${numberText(size)} bytes`}>
        <span class="card-word">{databasesTexts.columns.size} </span>
        {size === null ? '' : sizeText(size)}
      </td>
    </>
  );
}

function queueText({ waiting, running }: NonNullable<Database['queue']>): string {
  if (waiting + running === 0) return databasesTexts.idle;
  return `${databasesTexts.waiting(waiting)}, ${databasesTexts.running(running)}`;
}

function Sidecars({ database: { sidecars } }: { readonly database: Database }) {
  const serving = sidecars.filter((each) => each.serves_all);
  const programs = sidecars.length - serving.length;
  const leases = sidecars.reduce((sum, each) => sum + each.leases, 0);
  const troubles = sidecars.flatMap(({ trouble }) => trouble ?? []);
  if (serving.length === 0) {
    return (
      <span class="state group-warn">
        <Icon name="triangle" />
        <span>{databasesTexts.noSidecar}</span>
      </span>
    );
  }
  return (
    <>
      {databasesTexts.sidecars(serving.length)}
      {programs > 0 && `, ${databasesTexts.programs(programs)}`}
      <span class="quiet line">{databasesTexts.leases(leases)}</span>
      {troubles.map((trouble) => (
        <span key={trouble} class="state group-warn">
          <Icon name="triangle" />
          <span>{trouble}</span>
        </span>
      ))}
    </>
  );
}
