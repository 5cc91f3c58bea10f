import { useState } from 'preact/hooks';
import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { hrefOf } from '../../app/places.js';
import { pausePipeline, syncPipeline } from '../../data/pipeline-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { ActsElsewhere } from '../../parts/acts-elsewhere.js';
import { Menu } from '../../parts/menu.js';
import { pipelineActsElsewhere } from './pipeline-acts-elsewhere.js';
import { CancelPipelineDialog, DeletePipelineDialog, RefreshPipelineDialog } from './pipeline-dialogs.js';
import { PipelineState } from './pipeline-state.js';
import { pipelinesTexts } from './texts.js';

const { acts } = pipelinesTexts;

interface PipelineActionsProps {
  readonly pipeline: OnePipelineReply;
  readonly onChanged: () => void;
}

/** State of a pipeline, and what can be done with it; what was begun is told beside it, with a link. */
export function PipelineActions({ pipeline, onChanged }: PipelineActionsProps) {
  const act = useAct();
  const [asked, ask] = useState<'refresh' | 'cancel' | 'delete' | null>(null);
  const [begun, setBegun] = useState<string | null>(null);
  const [canceled, setCanceled] = useState<number | null>(null);
  const place = useSnippetPlace(pipeline);
  const refusal = pipelineRefusal(pipeline);
  const isPaused = pipeline.state === 'PAUSED';
  const doIt = (work: () => Promise<unknown>) => void act.run(work).then(onChanged);
  const menu = [
    { word: pipelinesTexts.full, onChoose: () => ask('refresh'), refusal },
    ...(pipeline.tables.length > 0 ? [{ word: acts.cancel, onChoose: () => ask('cancel'), refusal }] : []),
    {
      word: acts.remove,
      onChoose: () => ask('delete'),
      refusal: pipeline.kind === 'FLOWS' ? refusal : acts.removeRefused,
    },
  ];
  return (
    <>
      <div class="page-head">
        <p>
          <PipelineState state={pipeline.state} />
        </p>
        <div class="page-actions">
          <ActionButton
            isPrimary
            shortcut="s"
            isBusy={act.isBusy}
            refusal={refusal}
            onClick={() => doIt(async () => setBegun(await syncPipeline(pipeline, false)))}
          >
            {pipelinesTexts.sync}
          </ActionButton>
          <ActionButton refusal={refusal} onClick={() => doIt(() => pausePipeline(pipeline, !isPaused))}>
            {isPaused ? pipelinesTexts.resume : pipelinesTexts.pause}
          </ActionButton>
          <Menu word={acts.more} items={menu} />
        </div>
      </div>
      <p class="begun" role="status">
        {begun !== null && (
          <>
            {acts.queued(begun)} <a href={hrefOf(`/pipelines/${pipeline.pipeline_id}/updates`)}>{acts.seeUpdates}</a>
          </>
        )}{' '}
        {canceled !== null && acts.canceled(canceled)}
      </p>
      <ActError error={act.error} />
      <ActsElsewhere acts={pipelineActsElsewhere(place, pipeline)} />
      {asked === 'refresh' && (
        <RefreshPipelineDialog pipeline={pipeline} onClose={() => ask(null)} onBegun={setBegun} />
      )}
      {asked === 'cancel' && (
        <CancelPipelineDialog
          pipeline={pipeline}
          onClose={() => ask(null)}
          onCanceled={(count) => {
            setBegun(null);
            setCanceled(count);
            onChanged();
          }}
        />
      )}
      {asked === 'delete' && <DeletePipelineDialog pipeline={pipeline} onClose={() => ask(null)} />}
    </>
  );
}

/** Why the caller may not operate a pipeline; null if they may. */
export function pipelineRefusal({
  may,
  tables,
  hidden_tables: hidden,
}: Pick<OnePipelineReply, 'may' | 'tables' | 'hidden_tables'>): string | null {
  if (may.operate) return null;
  const lacking = tables.filter((table) => !table.may_sync).map(({ name }) => name);
  return hidden > 0 && lacking.length === 0 ? pipelinesTexts.refusedHidden : pipelinesTexts.refused(lacking.join(', '));
}
