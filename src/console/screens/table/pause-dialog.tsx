import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { pauseTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Dialog } from '../../parts/dialog.js';
import { pauseSnippets } from '../../words/act-snippets.js';
import { GoesAlong } from './goes-along.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;

/** Says what pausing means, and for how many tables. */
export function PauseDialog({ table, onClose }: { readonly table: TableSummary; readonly onClose: () => void }) {
  const { isBusy, error, run } = useAct();
  const pause = async () => {
    if (await run(() => pauseTable(table, true))) onClose();
  };
  const place = useSnippetPlace(table);
  const snippets = pauseSnippets(place, {
    target: table.sql_name,
    pipelineId: table.pipeline.pipeline_id,
    isPaused: true,
  });
  return (
    <Dialog
      title={`${acts.pause}: ${table.name}`}
      verb={acts.pause}
      isBusy={isBusy}
      error={error}
      onDo={() => void pause()}
      onClose={onClose}
    >
      <p>{acts.pauseMeans}</p>
      <GoesAlong table={table} />
      <CopyAs what={acts.elsewhere} snippets={snippets} />
    </Dialog>
  );
}
