import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import type { ActElsewhere } from '../../parts/acts-elsewhere.js';
import {
  deleteSnippets,
  pauseSnippets,
  type SnippetPlace,
  syncSnippets,
  verifySnippets,
} from '../../words/act-snippets.js';
import { cancelSnippets } from '../../words/alter-snippets.js';
import { tableTexts } from './texts.js';

const { acts } = tableTexts;

/** What the buttons and the menu of a table do, as texts to copy. */
export function tableActsElsewhere(place: SnippetPlace, table: TableSummary): ActElsewhere[] {
  const pause = { target: table.sql_name, pipelineId: table.pipeline.pipeline_id };
  const isPaused = table.paused !== null || table.condition === 'PAUSED';
  const isSynced = table.kind === 'synced';
  return [
    { word: acts.sync, snippets: syncSnippets(place, table, { fullRefresh: false, scope: 'pipeline' }) },
    ...(table.pipeline.tables > 1
      ? [{ word: acts.syncAlone, snippets: syncSnippets(place, table, { fullRefresh: false, scope: 'table' }) }]
      : []),
    { word: acts.fullRefresh, snippets: syncSnippets(place, table, { fullRefresh: true, scope: 'pipeline' }) },
    {
      word: isPaused ? acts.resume : acts.pause,
      snippets: pauseSnippets(place, { ...pause, isPaused: !isPaused }),
    },
    ...(isSynced ? [{ word: acts.verify, snippets: verifySnippets(place, table) }] : []),
    { word: acts.cancel, snippets: cancelSnippets(place, table) },
    ...(isSynced
      ? [
          { word: acts.stopSyncing, snippets: deleteSnippets(place, table, false) },
          { word: acts.dropToo, snippets: deleteSnippets(place, table, true) },
        ]
      : []),
  ];
}
