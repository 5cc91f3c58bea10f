import type { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { isUuid } from '../../../core/uuid.js';
import {
  cancelVerification,
  readVerifications,
  requestVerification,
  type VerificationFilter,
  type VerificationRecord,
} from '../../../postgres/registry/api/verification-record.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { PAGE_SIZE_MAX } from '../../wire/page.js';
import { exactNumberOf, nothing } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import {
  type PlacedTable,
  requireTable,
  TABLE_PATH,
  type TableRequest,
  tableParams,
  tableQuery,
} from './placed-table.js';
import {
  verificationListQuery,
  verificationListReply,
  verificationParams,
  verificationReply,
} from './verification-schema.js';

const VERIFICATIONS_PATH = `${TABLE_PATH}/verifications`;
const tags = NATIVE_TAGS;

/** Comparisons of synced tables with their sources. */
export function addVerificationRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    VERIFICATIONS_PATH,
    {
      schema: {
        tags,
        summary: 'Compare a synced table with its source, cell by cell; one that has not begun yet is shared',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: verificationReply },
      },
    },
    async (request) => {
      const placed = await requireTable(context, request);
      const id = await placed.database.asCaller(request.caller, (client) =>
        requestVerification(client, placed.table.sqlName),
      );
      return requireVerification(placed, request.caller, id);
    },
  );
  server.get(
    VERIFICATIONS_PATH,
    {
      schema: {
        tags,
        summary: 'The verifications of a synced table, newest first',
        params: tableParams,
        querystring: verificationListQuery,
        response: { 200: verificationListReply },
      },
    },
    async (request) => {
      const { query, caller } = request;
      const placed = await requireTable(context, request);
      const size = Math.min(query.page_size || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
      const after = query.page_token?.toLowerCase() ?? null;
      if (after !== null && !isUuid(after)) {
        throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' });
      }
      const found = await read(placed, caller, { verificationId: null, after, limit: size + 1 });
      const last = found.length > size ? found[size - 1] : undefined;
      return {
        verifications: found.slice(0, size).map((record) => verificationOf(placed, record)),
        ...(last === undefined ? {} : { next_page_token: last.verificationId }),
      };
    },
  );
  server.get(
    `${VERIFICATIONS_PATH}/:verification_id`,
    {
      schema: {
        tags,
        summary: 'A verification: how far it is, and what it found',
        params: verificationParams,
        querystring: tableQuery,
        response: { 200: verificationReply },
      },
    },
    async (request) => find(context, request),
  );
  server.delete(
    `${VERIFICATIONS_PATH}/:verification_id`,
    {
      schema: {
        tags,
        summary: 'Cancel a verification that waits or runs, for all who asked for it',
        params: verificationParams,
        querystring: tableQuery,
        response: { 200: nothing },
      },
    },
    async (request) => {
      const { verification_id: id } = await find(context, request);
      const { database } = await requireTable(context, request);
      await database.asCaller(request.caller, (client) => cancelVerification(client, id));
      return {};
    },
  );
}

type VerificationRequest = TableRequest & { readonly params: z.output<typeof verificationParams> };

async function find(context: ApiContext, request: VerificationRequest) {
  return requireVerification(await requireTable(context, request), request.caller, request.params.verification_id);
}

/** @throws VERIFICATION_NOT_FOUND, also for one of another table */
async function requireVerification(placed: PlacedTable, caller: Caller, id: string) {
  const verificationId = id.toLowerCase();
  const [record] = isUuid(verificationId) ? await read(placed, caller, { verificationId, after: null, limit: 1 }) : [];
  if (!record) throw syncedTablesError('VERIFICATION_NOT_FOUND', { verification: id });
  return verificationOf(placed, record);
}

async function read(
  { database, table }: PlacedTable,
  caller: Caller,
  filter: Omit<VerificationFilter, 'tableId'>,
): Promise<VerificationRecord[]> {
  const role = await database.roleNameOf(caller);
  return database.asService((client) => readVerifications(client, role, { ...filter, tableId: table.tableId }));
}

function verificationOf({ fullName }: PlacedTable, record: VerificationRecord): z.output<typeof verificationReply> {
  return {
    verification_id: record.verificationId,
    table: fullName,
    source_table_full_name: record.source,
    state: record.state,
    is_equal: record.isEqual,
    synced_version: exactNumberOf(record.syncedVersion),
    source_rows: exactNumberOf(record.sourceRows),
    target_rows: exactNumberOf(record.targetRows),
    missing_rows: exactNumberOf(record.missingRows),
    extra_rows: exactNumberOf(record.extraRows),
    different_rows: exactNumberOf(record.differentRows),
    differences: record.differences === null ? null : [...record.differences],
    failing_column: record.failingColumn,
    failing_keys: record.failingKeys === null ? null : [...record.failingKeys],
    may_read_rows: record.mayReadRows,
    error_code: record.errorCode,
    message: record.message,
    remedy: record.remedy,
    requested_by: record.requestedBy,
    created_at: record.createdAt,
    started_at: record.startedAt,
    finished_at: record.finishedAt,
  };
}
