import { useState } from 'preact/hooks';
import type { StreamingTableReply } from '../../../api/native/streaming/streaming-schema.js';
import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';
import { hrefOf } from '../../app/places.js';
import { refetch } from '../../data/query-cache.js';
import { call } from '../../data/request.js';
import { useAct } from '../../data/use-act.js';
import { ActError } from '../../parts/act-error.js';
import { ActionButton } from '../../parts/action-button.js';
import { Condition } from '../../parts/condition.js';
import { Fact } from '../../parts/facts.js';
import { Ago } from '../../parts/time.js';
import { numberText } from '../../words/numbers.js';
import { durationText } from '../../words/times.js';
import { RefreshDialog } from '../table/refresh-dialog.js';
import { tableTexts } from '../table/texts.js';
import { streamingTexts } from './texts.js';

const { facts } = streamingTexts;

interface StreamingHeadProps {
  readonly table: StreamingTableReply;
  readonly summary: TableSummary | null;
  readonly onChanged: () => void;
}

/** State, what can be done, and what the table keeps. */
export function StreamingHead({ table, summary, onChanged }: StreamingHeadProps) {
  const act = useAct();
  const [isAsking, ask] = useState(false);
  const [begun, setBegun] = useState<string | null>(null);
  const refusal = table.may.sync ? null : streamingTexts.refused;
  const sync = () =>
    void act
      .run(() => call(`/api/2.0/pipelines/${table.pipeline_id}/updates`, { method: 'POST', body: {} }))
      .then(() => {
        refetch('/api/2.0/synced-tables/tables');
        onChanged();
      });
  return (
    <>
      <div class="page-head">
        <p>{summary && <Condition table={summary} />}</p>
        <div class="page-actions">
          <ActionButton isPrimary isBusy={act.isBusy} refusal={refusal} onClick={sync}>
            {streamingTexts.sync}
          </ActionButton>
          {summary && (
            <ActionButton refusal={refusal} onClick={() => ask(true)}>
              {streamingTexts.fullRefresh}
            </ActionButton>
          )}
        </div>
      </div>
      <p class="begun" role="status">
        {begun !== null && tableTexts.acts.queued(begun)}
      </p>
      <ActError error={act.error} />
      {isAsking && summary && <RefreshDialog table={summary} onClose={() => ask(false)} onBegun={setBegun} />}
      {table.message !== null && !summary?.error && <p class="quiet">{table.message}</p>}
      <dl class="facts">
        <Fact name={facts.scd}>{keepsText(table)}</Fact>
        <Fact name={facts.keys}>{table.keys.join(', ')}</Fact>
        {table.sequence !== null && <Fact name={facts.order}>{sequenceText(table)}</Fact>}
        {table.tracked_columns.length > 0 && <Fact name={facts.tracked}>{table.tracked_columns.join(', ')}</Fact>}
        <Fact name={facts.feed}>
          {table.change_feed === null
            ? streamingTexts.noFeed
            : streamingTexts.feed(numberText(table.change_feed.from), numberText(table.change_feed.to))}
        </Fact>
        <Fact name={facts.tombstones}>{durationText(table.tombstone_seconds)}</Fact>
        <Fact name={facts.lastSync}>
          {table.last_sync_at === null ? streamingTexts.never : <Ago time={table.last_sync_at} />}
        </Fact>
        <Fact name={facts.pipeline}>
          <a href={hrefOf(`/pipelines/${table.pipeline_id}`)}>{table.pipeline_name}</a>
        </Fact>
        <Fact name={facts.created}>
          <Ago time={table.created_at} /> {streamingTexts.by(table.created_by)}
        </Fact>
      </dl>
    </>
  );
}

function keepsText({ scd_type: type }: StreamingTableReply): string {
  if (type === null) return streamingTexts.notRun;
  return `${streamingTexts.scd(type)}: ${type === 2 ? streamingTexts.keeps[2] : streamingTexts.keeps[1]}`;
}

/** The expression as the flows declare it, and the type that it has. */
function sequenceText({ flows, sequence }: StreamingTableReply): string {
  const declared = flows.map(({ options }) => options.sequence_by).find((by) => typeof by === 'string');
  return declared === undefined ? (sequence ?? '') : `${declared} (${sequence})`;
}
