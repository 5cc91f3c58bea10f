// What the server says for people who send requests, told to people who look at pages.

const TABLES =
  'It may have been renamed or deleted, or your role may not see it. “Tables” lists those that your role may see.';
const PIPELINES = '“Pipelines” lists those that your role may see.';
const CATALOG = '“Catalog” shows those that your role may see.';
/** Of calls that no page makes: what happened is all that there is to say. */
const NOTHING = '';

/** What somebody at a page does about errors whose remedy in the catalogue is a call of the API. */
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
  DATABASE_CATALOG_NOT_FOUND: NOTHING,
  JOB_NOT_FOUND: NOTHING,
  JOB_RUN_NOT_FOUND: NOTHING,
  REGISTERED_TABLE_NOT_FOUND: NOTHING,
  WORKSPACE_NOT_A_FILE: NOTHING,
  WORKSPACE_PARENT_MISSING: NOTHING,
};

/** A refusal as the server tells it. */
export interface Refusal {
  /** Of the error catalogue; null for what is none of ours. */
  readonly code: string | null;
  /** What happened, and what somebody does who sends requests. */
  readonly message: string;
  /** What happened alone; null for what is none of ours. */
  readonly reason: string | null;
}

/** A refusal, with what there is to do on pages in place of calls of the API, which nobody makes in a browser. */
export function inPageWords({ code, message, reason }: Refusal): string {
  const advice = code === null ? undefined : ADVICE[code];
  if (advice === undefined || reason === null) return message;
  return advice === NOTHING ? reason : `${reason} ${advice}`;
}

/** As messages end that were written with keys beside them: `describeKeys` of `core/failing-rows.ts`. */
const POINTER_TO_KEYS = /; see failing_keys \(\d+ keys?\)/;

/** What went wrong with a table, without the name of the column of SQL whose keys the page shows below it. */
export function withoutPointer(message: string): string {
  return message.replace(POINTER_TO_KEYS, '');
}
