import type { OnePipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import type { ActElsewhere } from '../../parts/acts-elsewhere.js';
import {
  deletePipelineSnippets,
  pauseSnippets,
  type SnippetPlace,
  startUpdateSnippets,
  syncSnippets,
} from '../../words/act-snippets.js';
import { cancelSnippets } from '../../words/alter-snippets.js';
import type { Snippets } from '../../words/snippets.js';
import { pipelinesTexts } from './texts.js';

const { acts } = pipelinesTexts;

/** What the buttons of a pipeline do, as texts to copy. */
export function pipelineActsElsewhere(place: SnippetPlace, pipeline: OnePipelineReply): ActElsewhere[] {
  const { pipeline_id: pipelineId } = pipeline;
  const isPaused = pipeline.state === 'PAUSED';
  const cancel = cancelPipelineSnippets(place, pipeline);
  return [
    { word: pipelinesTexts.sync, snippets: syncPipelineSnippets(place, pipeline, false) },
    { word: pipelinesTexts.full, snippets: syncPipelineSnippets(place, pipeline, true) },
    {
      word: isPaused ? pipelinesTexts.resume : pipelinesTexts.pause,
      snippets: pauseSnippets(place, { target: pipelineId, pipelineId, isPaused: !isPaused }),
    },
    ...(cancel === null ? [] : [{ word: acts.cancel, snippets: cancel }]),
    ...(pipeline.kind === 'FLOWS'
      ? [
          { word: acts.remove, snippets: deletePipelineSnippets(place, pipelineId, false) },
          { word: acts.removeAll, snippets: deletePipelineSnippets(place, pipelineId, true) },
        ]
      : []),
  ];
}

/** Through one of its tables, as the button does; a pipeline without tables is known by its id alone. */
export function syncPipelineSnippets(
  place: SnippetPlace,
  { tables: [first], pipeline_id: pipelineId }: OnePipelineReply,
  fullRefresh: boolean,
): Snippets {
  if (first === undefined) return startUpdateSnippets(place, pipelineId, fullRefresh);
  return syncSnippets(place, { name: first.name, sql_name: first.synced_table }, { fullRefresh, scope: 'pipeline' });
}

/** Over HTTP through one of its tables; null for a pipeline without any. */
export function cancelPipelineSnippets(
  place: SnippetPlace,
  { tables: [first], pipeline_id: pipelineId }: OnePipelineReply,
): Snippets | null {
  if (first === undefined) return null;
  return cancelSnippets(place, { name: first.name, sql_name: first.synced_table }, pipelineId);
}
