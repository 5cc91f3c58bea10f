import { counted } from '../../words/numbers.js';

/** Texts of lists of events. */
export const eventTexts = {
  what: 'the events',
  levels: { INFO: 'Note', WARN: 'Warning', ERROR: 'Error' },
  search: 'All of these words',
  level: 'Level',
  type: 'Type',
  table: 'Table',
  from: 'From',
  to: 'To',
  more: 'More filters',
  errorsOnly: 'Errors only',
  clear: 'Clear filters',
  follow: 'Follow',
  following: 'Following',
  columns: { time: 'Time', level: 'Level', about: 'Table or pipeline', message: 'What happened' },
  open: 'Show more of this event',
  close: 'Show less of this event',
  around: '20 events around this one',
  aroundTitle: 'Around one event',
  backToAll: 'Back to all events',
  copyLine: 'line of this event',
  lineWord: 'Copy line',
  linkWord: 'Copy link',
  copyLink: 'link to this event',
  update: (id: string) => `Update ${id.slice(0, 8)}`,
  remedy: 'What to do:',
  details: 'Details',
  pending: (count: number) => `${counted(count, 'new event', 'new events')}.`,
  show: 'Show them',
  older: 'Show older events',
  oldest: (days: number | null) =>
    days === null ? 'No older events.' : `No older events. They are kept for ${counted(days, 'day', 'days')}.`,
  noneSoFar: 'No event with these words so far',
  searchedTo: 'Searched back to',
  furtherBack: 'Search further back',
  searching: 'Searching …',
  none: 'No events',
  noneWhy: (days: number | null) =>
    days === null
      ? 'Nothing fits the filters.'
      : `Nothing fits, of what happened in the last ${counted(days, 'day', 'days')}.`,
  onlyVisible: 'Events of tables that your role may not see are not listed.',
  down: (place: string) => `Database ${place} cannot be asked; its events are missing.`,
  export: 'Export as JSON lines',
  elsewhere: 'As SQL, CLI, curl …',
  thisList: 'This list',
} as const;

/** Types that exist today; others appear under their own names. */
export const EVENT_TYPES = [
  'analyze_failed',
  'change_feed_wrong',
  'flow_declared',
  'flow_failed',
  'flow_retried',
  'flows_applied',
  'pipeline_changed',
  'pipeline_declared',
  'pipeline_deleted',
  'pipeline_paused',
  'pipeline_resumed',
  'pipeline_stopped',
  'sequence_ties',
  'streaming_table_created',
  'streaming_table_deleted',
  'streaming_table_dropped',
  'synced_table_created',
  'synced_table_deleted',
  'synced_table_dropped',
  'synced_table_rejected',
  'synced_table_was_dropped',
  'table_sync_blocked',
  'table_sync_failed',
  'table_sync_retried',
  'table_synced',
  'table_verification_canceled',
] as const;

/** A type as words: `table_sync_failed` is "table sync failed". */
export function typeWords(type: string): string {
  return type.replaceAll('_', ' ');
}
