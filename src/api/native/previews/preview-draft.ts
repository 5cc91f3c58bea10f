import { asSyncedTablesError, type SyncedTablesError } from '../../../core/errors.js';
import { isNamedLikeKey } from '../../../core/likely-key.js';
import { parseSourceName } from '../../../core/source-name.js';
import { asRaisedError } from '../../../postgres/refusals/raised-error.js';
import type { SourceRequest } from '../../../sync/source/check-source.js';
import type { SourceReport } from '../../../sync/source/describe-source.js';
import { catalogOfDatabase } from '../../names/catalog-place.js';
import type { ApiContext } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { databasesOf } from '../../places/database-place.js';
import { askSource } from '../../synced-tables/ask-source.js';
import { sourceRequestOf } from '../../synced-tables/create-parameters.js';
import type { CreateRequest } from '../../synced-tables/create-request.js';
import { type CreateTrial, tryToCreate } from '../../synced-tables/create-synced-table.js';
import { sourceReplyOf } from '../sources/source-reply.js';
import { readSourceUses } from '../sources/source-uses.js';
import { createStatements } from '../statements/create-statements.js';
import { statementPlaceOf } from '../statements/statement-place.js';
import { createRequestOf } from '../tables/create-table-route.js';
import { type Findings, findInLog, previewFinding } from './log-findings.js';
import type { PreviewInput, PreviewReply } from './preview-schema.js';

/** What is known of a create request before any row is read. */
export interface PreviewDraft {
  readonly input: PreviewInput;
  readonly report: SourceReport;
  readonly findings: Findings;
  readonly reply: Pick<PreviewReply, 'source' | 'defaults' | 'likely_keys' | 'creates' | 'statements'>;
}

/** Of a table of Postgres. */
const NAME_LENGTH_MAX = 63;
const SUFFIX = '_synced';
/** Stands for the key as long as there is none, so that the rest of the request is tried all the same. */
const ANY_KEY = ['id'];

/**
 * Looks at a create request: at its source by metadata alone, and at everything else by trying it.
 * @param server address for the statements, without a slash at its end
 * @throws what describing the source throws
 */
export async function draftPreview(
  context: ApiContext,
  caller: Caller,
  { input, server }: { readonly input: PreviewInput; readonly server: string },
): Promise<PreviewDraft> {
  const source = input.source_table_full_name;
  const { catalog, schema, table } = parseSourceName(source);
  const report = await askSource(catalog, () => context.sources.describe(source));
  const uses = await readSourceUses(context, caller, [source]);
  const asked = requestOf(context, caller, input);
  const request = 'request' in asked ? asked.request : null;
  const sourceRequest = sourceRequestOf(request ?? placeholder(input));
  const findings = findInLog(report, input, sourceRequest);
  const filterError = await findFilterError(context, sourceRequest);
  if (filterError !== null) findings.stops.push(previewFinding(filterError));
  const tried = request === null ? asked : await attempt(context, caller, request);
  if ('refusal' in tried && tried.refusal && !isKnown(findings, tried.refusal)) {
    findings.stops.push(previewFinding(tried.refusal));
  }
  const trial = 'trial' in tried ? tried.trial : null;
  return {
    input,
    report,
    findings,
    reply: {
      source: sourceReplyOf(report, uses.get(source) ?? 0),
      defaults: {
        name: await defaultName(context, caller, { schema, table }),
        primary_key_columns: [...(report.declared?.primaryKey ?? [])],
        timeseries_key: report.declared?.timeseriesKey ?? null,
        scheduling_policy: isFollowable(report) ? 'TRIGGERED' : 'SNAPSHOT',
      },
      likely_keys: report.columns
        .filter(({ name, canBeKey }) => canBeKey && isNamedLikeKey(name))
        .map(({ name }) => name),
      creates: [...(trial?.creates ?? [])],
      statements:
        trial && request && hasKey(input) ? createStatements(request, statementPlaceOf(context, trial, server)) : null,
    },
  };
}

function isFollowable({ modes, details }: SourceReport): boolean {
  const mode = modes.find(({ policy }) => policy === 'TRIGGERED');
  return details.snapshot.hasChangeFeed === true && mode?.problemOfHistory === null;
}

/** Whether the row filter fits the source: what else is wrong is found without. */
async function findFilterError(context: ApiContext, request: SourceRequest): Promise<SyncedTablesError | null> {
  const { source, rowFilter } = request;
  if (!rowFilter) return null;
  try {
    // Of a table without a key, all columns and no history nothing else is asked.
    await context.sources.check({ source, keyColumns: [], timeseriesKey: null, policy: 'SNAPSHOT', rowFilter });
    return null;
  } catch (error) {
    const refused = known(error);
    return refused.code === 'ROW_FILTER_INVALID' ? refused : null;
  }
}

type Asked = { readonly request: CreateRequest } | { readonly refusal: SyncedTablesError | null };

/** The request, if it names a table; a name that is still being typed is none. */
function requestOf(context: ApiContext, caller: Caller, input: PreviewInput): Asked {
  const { name, depth: _, rows_from: _rows, ...rest } = input;
  if (!name) return { refusal: null };
  try {
    return { request: createRequestOf(context, caller, { ...rest, name }) };
  } catch (error) {
    return { refusal: known(error) };
  }
}

/** Stands for a request whose name is still to come: of it only the source counts. */
function placeholder(input: PreviewInput): CreateRequest {
  const { name: _, instance: _i, database: _d, schedule: _s, depth: _depth, rows_from: _rows, ...spec } = input;
  const name = { catalog: 'to', schema: 'be', table: 'named' };
  return { name, instance: undefined, database: undefined, spec, createsSchemaByDefault: true };
}

async function attempt(
  context: ApiContext,
  caller: Caller,
  request: CreateRequest,
): Promise<{ readonly trial: CreateTrial } | { readonly refusal: SyncedTablesError }> {
  const { spec } = request;
  const whole = spec.primary_key_columns?.length ? spec : { ...spec, primary_key_columns: ANY_KEY };
  try {
    return { trial: await tryToCreate(context, caller, { ...request, spec: whole }) };
  } catch (error) {
    return { refusal: known(error) };
  }
}

function known(error: unknown): SyncedTablesError {
  const found = asSyncedTablesError(error) ?? asRaisedError(error);
  if (!found) throw error;
  return found;
}

function isKnown({ stops }: Findings, { code }: SyncedTablesError): boolean {
  return stops.some(({ error_code: each }) => each === code);
}

function hasKey({ primary_key_columns: key }: PreviewInput): boolean {
  return key !== undefined && key.length > 0;
}

/** In the first database of the caller, in the schema of the source. */
async function defaultName(
  context: ApiContext,
  caller: Caller,
  { schema, table }: { readonly schema: string; readonly table: string },
): Promise<string | null> {
  const [first] = databasesOf(context, caller);
  if (first === undefined) return null;
  const catalog = await catalogOfDatabase(first.instance, first.database.name);
  const short = table.slice(0, NAME_LENGTH_MAX - SUFFIX.length);
  return `${catalog}.${schema.slice(0, NAME_LENGTH_MAX)}.${short}${SUFFIX}`;
}

/** The key to check, and the rows to check it in, unless they are known to be impossible. */
export function keyOf({ input, findings }: Pick<PreviewDraft, 'input' | 'findings'>): {
  readonly keyColumns: readonly string[];
  readonly timeseriesKey: string | null;
  readonly chosenColumns: readonly string[] | null;
  readonly rowFilter: string | null;
} {
  const isPossible = (field: string) => !findings.stops.some((stop) => stop.field === field);
  const keyColumns = isPossible('primary_key_columns') ? (input.primary_key_columns ?? []) : [];
  const timeseriesKey = isPossible('timeseries_key') ? input.timeseries_key || null : null;
  const chosenColumns = isPossible('columns') && input.columns?.length ? input.columns : null;
  const rowFilter = isPossible('row_filter') ? input.row_filter || null : null;
  return { keyColumns, timeseriesKey, chosenColumns, rowFilter };
}
