import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { syncedTablesError } from '../core/errors.js';
import { safeReason } from '../core/reasons/safe-reason.js';
import type { ClaimedNotice } from '../postgres/registry/notices.js';
import type { Settings } from '../settings/settings-schema.js';
import type { ManagedDatabase } from './managed-databases.js';

/** Where notices are posted, and how. */
export type WebhookSettings = NonNullable<Settings['notices']['webhook']>;

/** Messages are cut, so that no receiver has to take more. */
const MESSAGE_LENGTH_MAX = 2_000;

/**
 * Posts a notice as JSON, signed if there is a secret. Nothing of the answer is read but its status, and no redirect is
 * followed.
 * @throws WEBHOOK_FAILED; the signal's reason
 */
export async function postNotice(
  webhook: WebhookSettings,
  database: Pick<ManagedDatabase, 'instance' | 'database'>,
  notice: ClaimedNotice,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify(payloadOf(database, notice));
  const timeout = AbortSignal.timeout(webhook.timeout_seconds * 1000);
  const failed = (reason: string, cause?: unknown) => {
    // The path of such an address is often its secret.
    const { host } = new URL(webhook.url);
    const { id, kind, table } = notice;
    return syncedTablesError('WEBHOOK_FAILED', { host, notice: id, kind, target: table, reason }, cause);
  };
  let status: number;
  try {
    status = await post(webhook, body, AbortSignal.any([timeout, signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) throw failed(`no answer within ${webhook.timeout_seconds} s`);
    throw failed(safeReason(error), error);
  }
  if (status < 200 || status > 299) throw failed(`it answered with status ${status}`);
}

/** What a receiver gets. `text` is what chat programs show. */
function payloadOf({ instance, database }: Pick<ManagedDatabase, 'instance' | 'database'>, notice: ClaimedNotice) {
  const message =
    notice.message.length > MESSAGE_LENGTH_MAX ? `${notice.message.slice(0, MESSAGE_LENGTH_MAX)} …` : notice.message;
  return {
    notice: notice.id,
    kind: notice.kind,
    at: notice.at,
    instance,
    database,
    table: notice.table,
    table_id: notice.tableId,
    pipeline_id: notice.pipelineId,
    error_code: notice.errorCode,
    message,
    lag_seconds: notice.lagSeconds,
    text: `${notice.table} (${instance}/${database}) ${notice.kind.replaceAll('_', ' ')}: ${message}`,
  };
}

/** The signature of a body: receivers compute the same over `<time>.<body>`, and refuse old times. */
function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** @returns the status of the answer */
function post({ url, secret }: WebhookSettings, body: string, signal: AbortSignal): Promise<number> {
  const seconds = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'synced-tables',
    ...(secret === undefined ? {} : { 'synced-tables-signature': signatureOf(secret, seconds, body) }),
  };
  return new Promise((resolve, reject) => {
    const { request } = url.startsWith('https:') ? https : http;
    // No agent: a connection that is kept would outlive the sidecar.
    const sent = request(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
