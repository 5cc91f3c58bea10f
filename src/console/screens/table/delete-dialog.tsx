import type { z } from 'zod';
import type { objectReply } from '../../../api/native/tables/object-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { navigate } from '../../app/router.js';
import { deleteTable } from '../../data/table-acts.js';
import { tableCall } from '../../data/table-calls.js';
import { useAct } from '../../data/use-act.js';
import { useQuery } from '../../data/use-query.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { DeletedName, DeletionChoices, useDeletion } from '../../parts/deletion.js';
import { Dialog } from '../../parts/dialog.js';
import { Loaded } from '../../parts/loaded.js';
import { Skeleton } from '../../parts/skeleton.js';
import { deleteSnippets } from '../../words/act-snippets.js';
import { rowsText, sizeText } from '../../words/numbers.js';
import { objectsTexts } from './objects-texts.js';
import { notKnown, tableTexts } from './texts.js';

const { acts } = tableTexts;
type Objects = z.output<typeof objectReply>;
/** What goes with the table, and somebody has to make again who wants it back. */
const GOES_ALONG: ReadonlySet<Objects['objects'][number]['kind']> = new Set([
  'INDEX',
  'GRANT',
  'MANAGER',
  'PUBLICATION',
]);

/** Stops syncing, and drops the table too if its name is typed. */
export function DeleteDialog({ table, onClose }: { readonly table: TableSummary; readonly onClose: () => void }) {
  const words = { title: acts.remove, stays: acts.stays, goes: acts.drops, typeName: acts.typeName };
  const deletion = useDeletion({ name: table.table, words });
  const { drops } = deletion;
  const objects = useQuery<Objects>(drops ? tableCall(table, 'objects') : null);
  const refusedBy = (drops && objects.data?.drop_refused_by) || [];
  const refusal = refusedBy.length > 0 ? objectsTexts.refusedBy(refusedBy) : deletion.refusal;
  const { isBusy, error, run } = useAct();
  const remove = async () => {
    if (!(await run(() => deleteTable(table, drops)))) return;
    // One that was dropped is often wanted again: its draft is where its page was.
    navigate(table.condition === 'DROPPED' ? `/tables/${encodeURIComponent(table.name)}` : '/tables');
  };
  const place = useSnippetPlace(table);
  const rows = table.row_count === null ? acts.rowsUnknown : rowsText(table.row_count);
  const size = table.size_bytes === null ? notKnown : sizeText(table.size_bytes);
  return (
    <Dialog
      title={`${acts.remove}: ${table.name}`}
      verb={acts.remove}
      refusal={refusal}
      isBusy={isBusy}
      error={error}
      onDo={() => void remove()}
      onClose={onClose}
    >
      <DeletionChoices {...deletion} />
      <p>{drops ? acts.dropsMeans(rows, size) : acts.staysMeans}</p>
      {drops && (
        <Loaded query={objects} what={objectsTexts.what} skeleton={<Skeleton rows={2} />}>
          {(reply) => <GoesAlong reply={reply} />}
        </Loaded>
      )}
      <DeletedName {...deletion} />
      <CopyAs what={acts.elsewhere} snippets={deleteSnippets(place, table, drops)} />
    </Dialog>
  );
}

function GoesAlong({ reply }: { readonly reply: Objects }) {
  const { drop_refused_by: refusedBy } = reply;
  const lost = reply.objects.filter(({ kind }) => GOES_ALONG.has(kind));
  if (refusedBy.length > 0) return <p class="note">{objectsTexts.refusedBy(refusedBy)}</p>;
  if (lost.length === 0) return null;
  return (
    <details open>
      <summary>{objectsTexts.goAlong(lost.length)}</summary>
      <ul class="goes-along">
        {lost.map(({ kind, name, definition }) => (
          <li key={`${kind} ${name} ${definition}`}>{definition ?? name}</li>
        ))}
      </ul>
    </details>
  );
}
