import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { syncTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Dialog } from '../../parts/dialog.js';
import { syncSnippets } from '../../words/act-snippets.js';
import { sizeText } from '../../words/numbers.js';
import { GoesAlong } from './goes-along.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;
const FULL = { fullRefresh: true, scope: 'pipeline' } as const;

interface RefreshDialogProps {
  readonly table: TableSummary;
  readonly onClose: () => void;
  readonly onBegun: (updateId: string) => void;
}

/** Asks before everything is copied again. */
export function RefreshDialog({ table, onClose, onBegun }: RefreshDialogProps) {
  const { isBusy, error, run } = useAct();
  const refresh = async () => {
    const isDone = await run(async () => onBegun(await syncTable(table, FULL)));
    if (isDone) onClose();
  };
  const place = useSnippetPlace(table);
  return (
    <Dialog
      title={`${acts.fullRefresh}: ${table.name}`}
      verb={acts.fullRefresh}
      isBusy={isBusy}
      error={error}
      onDo={() => void refresh()}
      onClose={onClose}
    >
      <p>
        {table.kind === 'streaming'
          ? acts.refreshFlows
          : acts.refreshCosts(table.size_bytes === null ? acts.sizeUnknown : sizeText(table.size_bytes))}
      </p>
      <GoesAlong table={table} />
      <CopyAs what={acts.elsewhere} snippets={syncSnippets(place, table, FULL)} />
    </Dialog>
  );
}
