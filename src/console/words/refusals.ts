// What the server says for people who send requests, told to people who look at pages.

/** A sentence that sends its reader to a call of the API, up to the end of the message. */
const OF_CALLS = / [A-Z](?:[^.]|\.(?! ))*\b(?:GET|POST|PUT|PATCH|DELETE) \/.*$/s;

const TABLES =
  'It may have been renamed or deleted, or your role may not see it. “Tables” lists those that your role may see.';
const PIPELINES = '“Pipelines” lists those that your role may see.';
const CATALOG = '“Catalog” shows those that your role may see.';

const ADVICE: Readonly<Record<string, string>> = {
  SYNCED_TABLE_NOT_FOUND: TABLES,
  STREAMING_TABLE_NOT_FOUND: TABLES,
  PIPELINE_NOT_FOUND: PIPELINES,
  UPDATE_NOT_FOUND: 'The tab “Updates” lists those that are kept.',
  UPDATE_FAILED: 'The tab “Updates” says why.',
  VERIFICATION_NOT_FOUND: 'The tab “Verify” lists those that are kept.',
  VERIFICATION_FAILED: 'The tab “Verify” says why.',
  EVENT_NOT_FOUND: 'Events are kept for a while only; search for it on “Events”.',
  TOKEN_NOT_FOUND: '“Tokens” lists those that do.',
  SCHEDULE_ON_CONTINUOUS: 'Remove the schedule first, in the settings of the table.',
  CATALOG_DOES_NOT_EXIST: CATALOG,
  SCHEMA_DOES_NOT_EXIST: CATALOG,
  TABLE_DOES_NOT_EXIST: CATALOG,
  API_INSTANCE_NOT_FOUND: '“Databases” lists those that this sidecar looks after.',
};

/**
 * A refusal without calls of the API, which nobody makes in a browser: with what there is to do here instead.
 * @param code of the error catalogue; null for what is none of ours
 */
export function inPageWords(code: string | null, message: string): string {
  const told = message.replace(OF_CALLS, '');
  if (told === message) return message;
  const advice = code === null ? undefined : ADVICE[code];
  return advice === undefined ? told : `${told} ${advice}`;
}

/** Keys stand beside the message on pages; what is done about a table that was dropped, or paused, is a button. */
const SAID_BESIDE =
  /; see failing_keys \([^)]*\)| Remove it with delete_synced_table[^.]*\.|: synced_tables\.resume_pipeline ends that/g;

/** What went wrong with a table, without what its page shows in its own way. */
export function inProblemWords(message: string): string {
  return message.replace(SAID_BESIDE, '');
}
