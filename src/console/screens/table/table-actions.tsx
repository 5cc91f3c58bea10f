import { useState } from 'preact/hooks';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { navigate } from '../../app/router.js';
import { pauseTable, syncTable, verifyTable } from '../../data/table-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { ActionButton } from '../../parts/action-button.js';
import { ActsElsewhere } from '../../parts/acts-elsewhere.js';
import { ErrorBox } from '../../parts/error-box.js';
import { Menu } from '../../parts/menu.js';
import { CancelDialog } from './cancel-dialog.js';
import { DeleteDialog } from './delete-dialog.js';
import { PauseDialog } from './pause-dialog.js';
import { RefreshDialog } from './refresh-dialog.js';
import { RenameDialog } from './rename-dialog.js';
import { tableActsElsewhere } from './table-acts-elsewhere.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;

type Asked = 'refresh' | 'delete' | 'pause' | 'rename' | 'cancel' | null;

/** What was begun or done, and where its outcome is told. */
interface Begun {
  readonly text: string;
  readonly path?: string;
}

/** What can be done with a table; what was begun is told beside it, with a link. */
export function TableActions({ table }: { readonly table: TableSummary }) {
  const [asked, ask] = useState<Asked>(null);
  const [begun, setBegun] = useState<Begun | null>(null);
  const action = useAct();
  const place = useSnippetPlace(table);
  const base = `/tables/${encodeURIComponent(table.name)}`;
  const sync = (scope: 'table' | 'pipeline') =>
    action.run(async () => {
      const id = await syncTable(table, { fullRefresh: false, scope });
      setBegun({ text: acts.queued(id), path: `${base}/updates/${id}` });
    });
  const verify = () =>
    action.run(async () => {
      const id = await verifyTable(table);
      setBegun({ text: acts.verifying(id), path: `${base}/verify/${id}` });
    });
  const isPaused = table.paused !== null || table.condition === 'PAUSED';
  const refusalOf = (may: boolean) => (may ? null : acts.noRight);
  // What helps where a table is gone is in the box of its problem; the other tables of its pipeline have pages of their own.
  const isGone = table.kind === 'synced' && table.condition === 'DROPPED';
  const refusalIfDropped = (may: boolean) => (isGone ? acts.isDropped : refusalOf(may));
  const isFollowed = table.policy === 'CONTINUOUS';
  const { tables } = table.pipeline;
  const syncRefusal = refusalIfDropped(table.may.sync);
  const pauseRefusal = refusalIfDropped(table.may.pause);
  const manageRefusal = refusalIfDropped(table.may.manage);
  const menu = [
    ...(isFollowed ? [{ word: acts.sync, onChoose: () => void sync('pipeline'), refusal: syncRefusal }] : []),
    ...(tables > 1 ? [{ word: acts.syncAlone, onChoose: () => void sync('table'), refusal: syncRefusal }] : []),
    { word: acts.fullRefresh, onChoose: () => ask('refresh'), refusal: syncRefusal },
    ...(table.kind === 'synced' ? [{ word: acts.verify, onChoose: () => void verify(), refusal: syncRefusal }] : []),
    { word: acts.cancel, onChoose: () => ask('cancel'), refusal: syncRefusal },
    ...(table.kind === 'synced'
      ? [
          {
            word: acts.change,
            onChoose: () => navigate(`${base}/settings?change=1`),
            refusal: manageRefusal,
          },
          { word: acts.rename, onChoose: () => ask('rename'), refusal: manageRefusal },
        ]
      : []),
    { word: acts.remove, onChoose: () => ask('delete'), refusal: refusalOf(table.may.delete) },
  ];
  return (
    <div class="table-actions">
      {!isFollowed && (
        <ActionButton
          shortcut="s"
          isPrimary={!isGone}
          isBusy={action.isBusy}
          refusal={syncRefusal}
          onClick={() => void sync('pipeline')}
        >
          {acts.sync}
        </ActionButton>
      )}
      {isPaused ? (
        <ActionButton
          isPrimary={isFollowed}
          isBusy={action.isBusy}
          refusal={pauseRefusal}
          onClick={() => void action.run(() => pauseTable(table, false))}
        >
          {acts.resume}
        </ActionButton>
      ) : (
        <ActionButton isBusy={action.isBusy} refusal={pauseRefusal} onClick={() => ask('pause')}>
          {acts.pause}
        </ActionButton>
      )}
      <Menu word={acts.more} items={menu} />
      <p class="begun" role="status">
        {begun && (
          <>
            {begun.text} {begun.path && <a href={hrefOf(begun.path)}>{acts.seeUpdate}</a>}
          </>
        )}
      </p>
      {action.error && <ErrorBox error={action.error} what={acts.sync} title={acts.notDone} />}
      <ActsElsewhere acts={tableActsElsewhere(place, table)} />
      {asked === 'refresh' && (
        <RefreshDialog
          table={table}
          onClose={() => ask(null)}
          onBegun={(id) => setBegun({ text: acts.queued(id), path: `${base}/updates/${id}` })}
        />
      )}
      {asked === 'cancel' && (
        <CancelDialog
          table={table}
          onClose={() => ask(null)}
          onCanceled={(count) => setBegun({ text: acts.canceled(count) })}
        />
      )}
      {asked === 'rename' && <RenameDialog table={table} onClose={() => ask(null)} />}
      {asked === 'pause' && <PauseDialog table={table} onClose={() => ask(null)} />}
      {asked === 'delete' && <DeleteDialog table={table} onClose={() => ask(null)} />}
    </div>
  );
}
