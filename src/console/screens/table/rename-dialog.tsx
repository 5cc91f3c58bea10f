import { useState } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { navigate } from '../../app/router.js';
import { renameTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { Dialog } from '../../parts/dialog.js';
import { renameSnippets } from '../../words/alter-snippets.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;

/** Gives a table another name, or another schema. */
export function RenameDialog({ table, onClose }: { readonly table: TableSummary; readonly onClose: () => void }) {
  const [name, setName] = useState(`${table.schema}.${table.table}`);
  const { isBusy, error, run } = useAct();
  const place = useSnippetPlace(table);
  const isOther = name !== `${table.schema}.${table.table}`;
  const isWhole = /^\w+\.\w+$/.test(name);
  const rename = () =>
    run(async () => {
      const fullName = await renameTable(table, name);
      navigate(`/tables/${encodeURIComponent(fullName)}`, { replace: true });
    });
  return (
    <Dialog
      title={`${acts.rename}: ${table.name}`}
      verb={acts.rename}
      refusal={isWhole ? (isOther ? null : acts.renameSame) : acts.renameParts}
      isBusy={isBusy}
      error={error}
      onDo={() => void rename()}
      onClose={onClose}
    >
      <label class="typed">
        {acts.newName}
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value.trim())}
        />
      </label>
      <p>{acts.renameMeans}</p>
      {isWhole && isOther && <CopyAs what={acts.rename} snippets={renameSnippets(place, table, name)} />}
    </Dialog>
  );
}
