import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { navigate } from '../../app/router.js';
import { cancelPipeline, deletePipeline, syncPipeline } from '../../data/pipeline-acts.js';
import { useAct } from '../../data/use-act.js';
import { useSnippetPlace } from '../../data/use-snippet-place.js';
import { CopyAs } from '../../parts/copy-as.js';
import { DeletedName, DeletionChoices, useDeletion } from '../../parts/deletion.js';
import { Dialog } from '../../parts/dialog.js';
import { deletePipelineSnippets } from '../../words/act-snippets.js';
import { cancelPipelineSnippets, syncPipelineSnippets } from './pipeline-acts-elsewhere.js';
import { pipelinesTexts } from './texts.js';

const { acts } = pipelinesTexts;

interface DialogProps {
  readonly pipeline: OnePipelineReply;
  readonly onClose: () => void;
}

/** Asks before all tables of a pipeline are built anew. */
export function RefreshPipelineDialog({
  pipeline,
  onClose,
  onBegun,
}: DialogProps & { readonly onBegun: (updateId: string) => void }) {
  const { isBusy, error, run } = useAct();
  const place = useSnippetPlace(pipeline);
  const refresh = async () => {
    if (await run(async () => onBegun(await syncPipeline(pipeline, true)))) onClose();
  };
  return (
    <Dialog
      title={`${pipelinesTexts.full}: ${pipeline.name}`}
      verb={pipelinesTexts.full}
      isBusy={isBusy}
      error={error}
      onDo={() => void refresh()}
      onClose={onClose}
    >
      <p>{pipeline.kind === 'FLOWS' ? acts.refreshFlows : acts.refreshTables}</p>
      <TableNames pipeline={pipeline} />
      <CopyAs what={pipelinesTexts.full} snippets={syncPipelineSnippets(place, pipeline, true)} />
    </Dialog>
  );
}

/** Asks before what runs and waits ends, for all tables of a pipeline. */
export function CancelPipelineDialog({
  pipeline,
  onClose,
  onCanceled,
}: DialogProps & { readonly onCanceled: (count: number) => void }) {
  const { isBusy, error, run } = useAct();
  const place = useSnippetPlace(pipeline);
  const cancel = async () => {
    if (await run(async () => onCanceled(await cancelPipeline(pipeline)))) onClose();
  };
  return (
    <Dialog
      title={`${acts.cancel}: ${pipeline.name}`}
      verb={acts.cancel}
      leave={acts.cancelNot}
      isBusy={isBusy}
      error={error}
      onDo={() => void cancel()}
      onClose={onClose}
    >
      <p>{acts.cancelMeans}</p>
      <TableNames pipeline={pipeline} />
      <CopyAs what={acts.cancel} snippets={cancelPipelineSnippets(place, pipeline) ?? {}} />
    </Dialog>
  );
}

/** Asks before the declaration of flows goes, and with it their tables if the name of the pipeline is typed. */
export function DeletePipelineDialog({ pipeline, onClose }: DialogProps) {
  const words = { title: acts.remove, stays: acts.tablesStay, goes: acts.tablesGo, typeName: acts.typeName };
  const deletion = useDeletion({ name: pipeline.name, words });
  const { drops, refusal } = deletion;
  const { isBusy, error, run } = useAct();
  const place = useSnippetPlace(pipeline);
  const remove = async () => {
    if (await run(() => deletePipeline(pipeline, drops))) navigate('/pipelines');
  };
  return (
    <Dialog
      title={`${acts.remove}: ${pipeline.name}`}
      verb={acts.remove}
      refusal={refusal}
      isBusy={isBusy}
      error={error}
      onDo={() => void remove()}
      onClose={onClose}
    >
      <DeletionChoices {...deletion} />
      <p>{drops ? acts.goMeans : acts.stayMeans}</p>
      <TableNames pipeline={pipeline} />
      <DeletedName {...deletion} />
      <CopyAs what={acts.remove} snippets={deletePipelineSnippets(place, pipeline.pipeline_id, drops)} />
    </Dialog>
  );
}

function TableNames({ pipeline: { tables, hidden_tables: hidden } }: { readonly pipeline: OnePipelineReply }) {
  return (
    <>
      <ul>
        {tables.map(({ name }) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      {hidden > 0 && <p>{pipelinesTexts.hidden(hidden)}</p>}
    </>
  );
}
