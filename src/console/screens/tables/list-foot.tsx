import type { TableListReply } from '../../../api/native/tables/table-list-schema.js';
import { serverUrl } from '../../app/places.js';
import { tablesPath } from '../../data/tables.js';
import { CopyAs } from '../../parts/copy-as.js';
import { callSnippets } from '../../words/quoting.js';
import { exportTables } from './export-tables.js';
import { readListQuery } from './list-query.js';
import { tablesTexts } from './texts.js';

interface ListFootProps {
  readonly reply: TableListReply;
  readonly shown: number;
  readonly query: URLSearchParams;
  readonly page: number;
  readonly onMore: () => void;
}

/** How much of the list is shown, more of it, and the list elsewhere. */
export function ListFoot({ reply, shown, query, page, onMore }: ListFootProps) {
  const path = tablesPath(readListQuery(query, page));
  const rest = reply.total - shown;
  return (
    <footer class="list-foot">
      <p>{tablesTexts.shown(shown, reply.total)}</p>
      {rest > 0 && (
        <button type="button" onClick={onMore}>
          {tablesTexts.more(Math.min(page, rest))}
        </button>
      )}
      <details>
        <summary>{tablesTexts.export}</summary>
        <p class="export">
          <button type="button" onClick={() => void exportTables(path, 'csv')}>
            {tablesTexts.exportCsv}
          </button>
          <button type="button" onClick={() => void exportTables(path, 'json')}>
            {tablesTexts.exportJson}
          </button>
        </p>
      </details>
      <details>
        <summary>{tablesTexts.elsewhere}</summary>
        <CopyAs
          what={tablesTexts.thisList}
          snippets={{
            SQL: 'SELECT * FROM synced_tables.status ORDER BY synced_table;',
            CLI: 'synced-tables list',
            ...callSnippets(serverUrl, { method: 'GET', path }),
          }}
        />
      </details>
    </footer>
  );
}
