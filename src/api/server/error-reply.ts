import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type ErrorCode, errorCatalogue } from '../../core/error-catalogue.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { asRaisedError } from '../../postgres/refusals/raised-error.js';
import { isPostgresError } from '../../postgres/session/session.js';
import { FieldRefusal } from '../wire/field-refusal.js';
import { BODY_BYTES_MAX } from '../wire/json-text.js';
import { IS_MISSING, inFieldWords, inHttpWords, refusalInHttpWords } from './http-words.js';
import { unknownFieldsBeside } from './unknown-fields.js';

/** The body of every failure, as in the Databricks APIs (docs/reference/databricks-api.md#failures). */
export interface ErrorBody {
  readonly error_code: string;
  readonly message: string;
  readonly details: readonly Readonly<Record<string, unknown>>[];
}

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const REQUEST_INFO = 'type.googleapis.com/google.rpc.RequestInfo';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';

/** What is known of the request that failed. */
export interface FailedRequest {
  readonly id: string;
  /** The schema of its body, and the body as it was sent. */
  readonly schema?: unknown;
  readonly body?: unknown;
}

/** Status and body for anything that a handler threw. A defect becomes INTERNAL_ERROR, whose cause is only logged. */
export function toErrorReply(
  error: unknown,
  request: FailedRequest,
): { readonly status: number; readonly body: ErrorBody } {
  if (error instanceof FieldRefusal) {
    const reply = replyOf(error.cause, request);
    const isMissing = MISSING.has(reply.body.details[0]?.reason);
    return withField(error.field, isMissing ? withUnknownFields(reply, request, error.field) : reply);
  }
  const reply = replyOf(error, request);
  const field = hasZodFastifySchemaValidationErrors(error) ? fieldOf(error.validation[0]) : '';
  if (field === '') return reply;
  const isMissing = reply.body.details[0]?.reason === 'FIELD_MISSING';
  return withField(field, isMissing ? withUnknownFields(reply, request, field) : reply);
}

/** Codes of refusals that may come from a field that was misspelt. */
const MISSING: ReadonlySet<unknown> = new Set<ErrorCode>(['FIELD_MISSING', 'PRIMARY_KEY_MISSING']);

/** Fields that are not known are ignored, as by the real service; here one of them may be what is missing. */
function withUnknownFields(
  reply: ReturnType<typeof toErrorReply>,
  { schema, body }: FailedRequest,
  field: string,
): ReturnType<typeof toErrorReply> {
  const unknown = unknownFieldsBeside(schema, body, field).slice(0, UNKNOWN_FIELDS_MAX);
  if (unknown.length === 0) return reply;
  const message = `${reply.body.message} Fields of the request that are not known: ${unknown.join(', ').slice(0, 1_000)}.`;
  return { ...reply, body: { ...reply.body, message } };
}

const UNKNOWN_FIELDS_MAX = 10;

function replyOf(error: unknown, { id }: FailedRequest): { readonly status: number; readonly body: ErrorBody } {
  const known = inHttpWords(toCatalogued(error));
  const { apiCode } = errorCatalogue[known.code];
  const status = known.code === 'REQUEST_INVALID' ? statusOfRefusal(error) : errorCatalogue[known.code].status;
  const remedy = known.remedy === '' ? '' : ` ${known.remedy}`;
  return {
    status,
    body: {
      error_code: apiCode,
      message: `${known.message}${remedy}`,
      details: [
        { '@type': ERROR_INFO, reason: known.code, domain: 'synced-tables', metadata: partsOf(known) },
        { '@type': REQUEST_INFO, request_id: id, serving_data: '' },
      ],
    },
  };
}

/** What happened and what to do, each alone: programs that know better what their people can do need not take texts apart. */
function partsOf({ message, remedy }: SyncedTablesError): Readonly<Record<string, string>> {
  return remedy === '' ? { message } : { message, remedy };
}

/** Names the refused field, as google.rpc.BadRequest does. */
function withField(field: string, { status, body }: ReturnType<typeof toErrorReply>): ReturnType<typeof toErrorReply> {
  const violation = { field, description: body.message };
  return {
    status,
    body: { ...body, details: [...body.details, { '@type': BAD_REQUEST, field_violations: [violation] }] },
  };
}

/** The server knows better than the catalogue what it refused by itself, such as 415. */
function statusOfRefusal(error: unknown): number {
  const { statusCode } = error as FastifyError;
  return isRefusal(statusCode) ? statusCode : errorCatalogue.REQUEST_INVALID.status;
}

function isRefusal(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status < 500;
}

/** The catalogued error that tells a caller what `error` means. */
function toCatalogued(error: unknown): SyncedTablesError {
  const known = asSyncedTablesError(error) ?? asRaisedError(error) ?? explainOpenFiles(error);
  if (known) return known;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation;
    const field = fieldOf(first);
    const where = field === '' ? 'the body' : field;
    const wrong = inFieldWords(first?.message ?? 'wrong');
    if (wrong === IS_MISSING && field !== '') return syncedTablesError('FIELD_MISSING', { field, advice: '' }, error);
    return syncedTablesError('REQUEST_INVALID', { reason: `${where}: ${wrong}` }, error);
  }
  if (isPostgresError(error)) return explainPostgresError(error.code ?? 'XX000', error);
  const { code, statusCode, message } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return syncedTablesError('REQUEST_TOO_LARGE', { limit: `${BODY_BYTES_MAX / 2 ** 20} MiB` }, error);
  }
  if (isRefusal(statusCode)) {
    return syncedTablesError('REQUEST_INVALID', { reason: message.replace(/\.$/, '') }, error);
  }
  return syncedTablesError('API_DEFECT', {}, error);
}

/** The path of the field that does not fit its schema; empty for the body itself. */
function fieldOf(issue: { readonly instancePath: string } | undefined): string {
  return (issue?.instancePath ?? '').slice(1).replaceAll('/', '.');
}

/** Errors that Postgres itself raised. */
function explainPostgresError(sqlState: string, error: Error): SyncedTablesError {
  const reason = error.message.replace(/\.$/, '');
  switch (sqlState) {
    case '42501':
      return syncedTablesError('ACCESS_DENIED', { reason: refusalInHttpWords(reason) }, error);
    case '42710':
    case '42P04':
    case '42P06':
    case '42P07':
      return syncedTablesError('OBJECT_EXISTS', { reason }, error);
    case '42704':
    case '42P01':
    case '3D000':
    case '3F000':
      return syncedTablesError('OBJECT_NOT_FOUND', { reason }, error);
    case '57014':
    case '55P03':
      return syncedTablesError('REQUEST_TOOK_TOO_LONG', { reason }, error);
  }
  // Classes 22 and 23 concern the values of the request; their texts may quote what was sent, not rows of tables.
  if (/^(22|23|0A|2B|42|54|55)/.test(sqlState)) return syncedTablesError('REQUEST_REFUSED', { reason }, error);
  if (/^(08|53|57)/.test(sqlState)) return syncedTablesError('DATABASE_UNAVAILABLE', { reason }, error);
  return syncedTablesError('API_DEFECT', {}, error);
}
