import type { PipelineReply } from '../../../api/native/pipelines/pipeline-schema.js';
import { Icon } from '../../parts/icon.js';
import { pipelinesTexts } from './texts.js';

const LOOKS = {
  WORKING: { icon: 'run', group: 'run' },
  WAITING: { icon: 'clock', group: 'new' },
  RESTING: { icon: 'check', group: 'ok' },
  PAUSED: { icon: 'pause', group: 'pause' },
  FAILED: { icon: 'octagon', group: 'fail' },
} as const;

/** The state of a pipeline: shape, word and colour. */
export function PipelineState({ state }: { readonly state: PipelineReply['state'] }) {
  const { icon, group } = LOOKS[state];
  return (
    <span class={`state group-${group}`}>
      <Icon name={icon} />
      <span>{pipelinesTexts.states[state]}</span>
    </span>
  );
}

/** States of tables as the API names them, in the words of the overview. */
const TABLE_WORDS: Readonly<Record<string, readonly [string, keyof typeof TABLE_LOOKS]>> = {
  SYNCED_TABLE_PROVISIONING: ['Waiting to start', 'new'],
  SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES: ['Opening the source', 'run'],
  SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT: ['First copy', 'run'],
  SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE: ['Syncing', 'run'],
  SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES: ['Catching up', 'run'],
  SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE: ['Following', 'ok'],
  SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE: ['Up to date as of the last look', 'ok'],
  SYNCED_TABLE_ONLINE: ['Paused', 'pause'],
  SYNCED_TABLE_ONLINE_PIPELINE_FAILED: ['Failed, readable', 'fail'],
  SYNCED_TABLE_OFFLINE_FAILED: ['Failed, no table yet', 'fail'],
  SYNCED_TABLED_OFFLINE: ['Dropped in Postgres', 'gone'],
};

const TABLE_LOOKS = {
  new: { icon: 'clock', group: 'new' },
  run: { icon: 'run', group: 'run' },
  ok: { icon: 'check', group: 'ok' },
  pause: { icon: 'pause', group: 'pause' },
  fail: { icon: 'octagon', group: 'fail' },
  gone: { icon: 'struck', group: 'fail' },
} as const;

/** The state of a table of a pipeline, with how much of it is copied. */
export function MemberState({ table }: { readonly table: PipelineReply['tables'][number] }) {
  const [word, look] = TABLE_WORDS[table.state] ?? [table.state, 'new'];
  const { icon, group } = TABLE_LOOKS[look];
  const { rows_done: done, rows_total: total } = table;
  const percent =
    done !== null && total !== null && total > 0 ? ` ${Math.floor((Math.min(done, total) * 100) / total)}\u00a0%` : '';
  return (
    <span class={`state group-${group}`} title={table.state}>
      <Icon name={icon} />
      <span>
        {word}
        {percent}
      </span>
    </span>
  );
}
