import type { PipelineUpdateList } from '../../../api/native/pipelines/pipeline-update-schema.js';
import { hrefOf } from '../../app/places.js';
import { changedRows } from '../../words/numbers.js';
import { UpdateState } from '../table/update-state.js';
import { updatesTexts } from '../table/updates-texts.js';
import { pipelinesTexts } from './texts.js';

type Update = PipelineUpdateList['updates'][number];

/** What an update did to each table, folded; open by itself where one of them failed. */
export function UpdatedTables({ update: { update_id: id, mode, tables } }: { readonly update: Update }) {
  if (tables.length === 0) return null;
  return (
    <details open={tables.some(({ state }) => state === 'FAILED')}>
      <summary>{pipelinesTexts.tables(tables.length)}</summary>
      <ul class="updated-tables">
        {tables.map((table) => (
          <li key={table.synced_table}>
            <UpdateState update={{ state: table.state, mode }} />{' '}
            <a
              href={hrefOf(
                table.kind === 'STREAMING'
                  ? `/streaming/${encodeURIComponent(table.name)}`
                  : `/tables/${encodeURIComponent(table.name)}/updates/${id}`,
              )}
            >
              {table.name}
            </a>{' '}
            {table.rows_written !== null && changedRows(table.rows_written, table.rows_deleted ?? 0)}{' '}
            <span class="quiet">{updatesTexts.methods[table.method ?? ''] ?? ''}</span>{' '}
            {table.error_code !== null && <a href={hrefOf(`/errors/${table.error_code}`)}>{table.error_code}</a>}
          </li>
        ))}
      </ul>
    </details>
  );
}
