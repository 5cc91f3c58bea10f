import type { MeReply } from '../../../api/native/me-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { snippetPlaceOf } from '../../data/use-snippet-place.js';
import type { ActElsewhere } from '../../parts/acts-elsewhere.js';
import { pauseSnippets, type SnippetPlace, syncSnippets, verifySnippets } from '../../words/act-snippets.js';
import type { Snippets } from '../../words/snippets.js';
import { tablesTexts } from './texts.js';

const { bulk } = tablesTexts;

type Make = (place: SnippetPlace, table: TableSummary) => Snippets;

const pauseOf =
  (isPaused: boolean): Make =>
  (place, table) =>
    pauseSnippets(place, { target: table.sql_name, pipelineId: table.pipeline.pipeline_id, isPaused });

const makers: readonly (readonly [string, Make])[] = [
  [bulk.sync, (place, table) => syncSnippets(place, table, { fullRefresh: false, scope: 'table' })],
  [bulk.pause, pauseOf(true)],
  [bulk.resume, pauseOf(false)],
  [bulk.verify, verifySnippets],
];

/** What can be done with all selected tables, as texts to copy: one statement, command or call for each. */
export function bulkActsElsewhere(me: MeReply | null, chosen: readonly TableSummary[]): ActElsewhere[] {
  const databases = new Set(chosen.map(({ instance, database }) => `${instance}/${database}`));
  const isSpread = databases.size > 1;
  const ordered = [...databases].flatMap((each) => chosen.filter((table) => placeOf(table) === each));
  return makers.map(([word, make]) => {
    const all = ordered.map((table) => make(snippetPlaceOf(me, table), table));
    const sql = ordered.map((table, nth) => {
      const isFirst = isSpread && (nth === 0 || placeOf(ordered[nth - 1] ?? table) !== placeOf(table));
      return `${isFirst ? `-- In database ${table.database} of instance ${table.instance}:\n` : ''}${all[nth]?.SQL}`;
    });
    const pythons = all.map(({ Python = '' }) => Python.split('\n'));
    return {
      word,
      snippets: {
        SQL: sql.join('\n'),
        CLI: all.map(({ CLI }) => CLI).join('\n'),
        curl: all.map(({ curl }) => curl).join('\n'),
        // The client is made once; the last line of each is its call.
        Python: [...(pythons[0]?.slice(0, -1) ?? []), ...pythons.map((lines) => lines.at(-1))].join('\n'),
      },
    };
  });
}

function placeOf({ instance, database }: TableSummary): string {
  return `${instance}/${database}`;
}
