import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { navigate } from '../../app/router.js';
import { deleteTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { DeletedName, DeletionChoices, useDeletion } from '../../parts/deletion.js';
import { Dialog } from '../../parts/dialog.js';
import { deleteSnippets } from '../../words/act-snippets.js';
import { numberText, sizeText } from '../../words/numbers.js';
import { notKnown, tableTexts } from './texts.js';

const { acts } = tableTexts;

/** Stops syncing, and drops the table too if its name is typed. */
export function DeleteDialog({ table, onClose }: { readonly table: TableSummary; readonly onClose: () => void }) {
  const words = { title: acts.remove, stays: acts.stays, goes: acts.drops, typeName: acts.typeName };
  const deletion = useDeletion({ name: table.table, words });
  const { drops, refusal } = deletion;
  const { isBusy, error, run } = useAct();
  const remove = async () => {
    if (await run(() => deleteTable(table, drops))) navigate('/tables');
  };
  const place = useSnippetPlace(table);
  const rows = table.row_count === null ? notKnown : numberText(table.row_count);
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
      <DeletedName {...deletion} />
      <CopyAs what={acts.elsewhere} snippets={deleteSnippets(place, table, drops)} />
    </Dialog>
  );
}
