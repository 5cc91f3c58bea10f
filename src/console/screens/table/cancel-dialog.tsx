import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { cancelUpdates } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Dialog } from '../../parts/dialog.js';
import { cancelSnippets } from '../../words/alter-snippets.js';
import { GoesAlong } from './goes-along.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;

interface CancelDialogProps {
  readonly table: TableSummary;
  readonly onClose: () => void;
  readonly onCanceled?: (count: number) => void;
}

/** Ends what runs and waits in the pipeline of a table, and says for which others it does. */
export function CancelDialog({ table, onClose, onCanceled: told = () => {} }: CancelDialogProps) {
  const { isBusy, error, run } = useAct();
  const place = useSnippetPlace(table);
  const cancel = async () => {
    if (await run(async () => told(await cancelUpdates(table)))) onClose();
  };
  return (
    <Dialog
      title={`${acts.cancel}: ${table.name}`}
      verb={acts.cancel}
      leave={acts.cancelNot}
      isBusy={isBusy}
      error={error}
      onDo={() => void cancel()}
      onClose={onClose}
    >
      <p>{acts.cancelMeans}</p>
      {table.policy === 'CONTINUOUS' && <p>{acts.cancelFollowed}</p>}
      <GoesAlong table={table} />
      <CopyAs what={acts.cancel} snippets={cancelSnippets(place, table)} />
    </Dialog>
  );
}
