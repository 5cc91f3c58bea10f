import type { StreamingTableReply } from '../../../api/native/streaming/streaming-schema.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { syncSnippets } from '../../words/act-snippets.js';
import { quoteLiteral } from '../../words/quoting.js';
import { streamingTexts } from './texts.js';

/** What declares the table as it is, and what reads its changes. */
export function StreamingCode({ table }: { readonly table: StreamingTableReply }) {
  const from = table.change_feed?.from ?? 1;
  const place = useSnippetPlace(table);
  const named = { name: table.name, sql_name: table.synced_table };
  const sync = { fullRefresh: false, scope: 'pipeline' } as const;
  return (
    <>
      <h2>{streamingTexts.statement}</h2>
      {table.statement === null ? (
        <p>{streamingTexts.noStatement}</p>
      ) : (
        <CopyAs what={streamingTexts.statement} snippets={{ SQL: table.statement }} />
      )}
      <h2>{streamingTexts.changes}</h2>
      <CopyAs
        what={streamingTexts.changes}
        snippets={{ SQL: `SELECT * FROM synced_tables.table_changes(${quoteLiteral(table.synced_table)}, ${from});` }}
      />
      <h2>{streamingTexts.sync}</h2>
      <CopyAs what={streamingTexts.sync} snippets={syncSnippets(place, named, sync)} />
    </>
  );
}
