import { asSyncedTablesError } from '../../../core/errors.js';
import type { AutoCdcFlow } from '../../../core/flows/auto-cdc-flow.js';
import type { BatchMetrics, FlowPosition } from '../../../core/flows/flow-progress.js';
import { requireAgreement } from '../../../flows/declare/agree-flows.js';
import type { TargetNames } from '../../../flows/declare/resolve-flow.js';
import { announcement, UPDATES_CHANNEL } from '../../../postgres/registry/announcement.js';
import { requireLease } from '../../../postgres/registry/lease.js';
import {
  declarationOf,
  type FlowMetrics,
  isStreamingTableMade,
  recordFlowBatch,
  requireDeclaration,
  writeStreamingRelation,
} from '../../../postgres/registry/streaming-tables.js';
import { readFlowPosition, readTargetShape, type TargetShape } from '../../../postgres/registry/targets.js';
import { BRIEF_LOCKS, NO_SILENCE, withLockPatience } from '../../../postgres/session/lock-patience.js';
import { inTransaction } from '../../../postgres/session/session.js';
import { createTarget } from '../../../scd/target/create-target.js';
import { beginRefresh, refreshFlow, switchToRefreshed } from '../../../scd/target/refresh-target.js';
import { widenedShape } from '../../../scd/target/target-shape.js';
import type { FlowTableOptions } from './flow-table-options.js';

const NO_POSITION: FlowPosition = { batchId: 0n, position: null, snapshotVersion: null };

/**
 * Where the batches of an update go: the target itself or, during a full refresh of a target in use, a table beside it,
 * which replaces it once complete.
 */
export class UpdateTarget {
  readonly names: TargetNames;
  /** How the target's columns are arranged; null if it is created from scratch. */
  readonly stored: TargetShape | null;
  readonly #options: FlowTableOptions;
  readonly #isBeside: boolean;
  #metrics: FlowMetrics | null = null;
  #first: AutoCdcFlow | null = null;

  private constructor(options: FlowTableOptions, shape: TargetShape | null) {
    const { table, isFullRefresh } = options;
    this.#options = options;
    this.#isBeside = isFullRefresh && shape !== null;
    this.stored = isFullRefresh ? null : shape;
    this.names = {
      schema: table.schema,
      table: table.name,
      fullName: table.fullName,
      createdBy: table.createdBy,
      tombstoneSeconds: declarationOf(table).tombstoneSeconds,
    };
  }

  static async of(options: FlowTableOptions): Promise<UpdateTarget> {
    const { client, table } = options;
    const shape = await readTargetShape(client, { schema: table.schema, table: table.name });
    // What an earlier streaming table of that name has left there is replaced, as in a full refresh.
    const isLeftover = shape !== null && !table.isMade && !(await isStreamingTableMade(client, table));
    return new UpdateTarget(isLeftover ? { ...options, isFullRefresh: true } : options, shape);
  }

  /** The position of a flow; at the start if the target does not exist yet or is created from scratch. */
  async position(flowName: string): Promise<FlowPosition> {
    if (this.#options.isFullRefresh) return NO_POSITION;
    try {
      return await readFlowPosition(this.#options.client, { flowName, ...this.names });
    } catch (error) {
      if (asSyncedTablesError(error)?.code === 'AUTOCDC_TARGET_NOT_FOUND') return NO_POSITION;
      throw error;
    }
  }

  /**
   * Once, creates what the batches go into, or adds the flows' additional columns.
   * @throws AUTOCDC_MULTIPLE_FLOWS_TO_TARGET, AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED, DeclaredAnew
   */
  async prepare(flows: readonly AutoCdcFlow[]): Promise<void> {
    const { client, table, updateId } = this.#options;
    requireAgreement(flows);
    const [first] = flows;
    if (first === undefined) return;
    if (this.#isBeside && this.#first === null) await beginRefresh(client, first, updateId);
    this.#first = first;
    for (const flow of flows) {
      await this.#withPatience(async () => {
        await inTransaction(client, async () => {
          if (await createTarget(client, this.flow(flow))) await this.#requireOurs();
        });
        return true;
      });
    }
    if (!this.#isBeside) await writeStreamingRelation(client, table);
  }

  /**
   * Refuses flows that `prepare` would refuse, and writes nothing.
   * @throws AUTOCDC_MULTIPLE_FLOWS_TO_TARGET, AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED
   */
  check(flows: readonly AutoCdcFlow[]): void {
    requireAgreement(flows);
    if (this.stored === null) return;
    for (const flow of flows) widenedShape(flow, this.stored);
  }

  /** The flow in the form in which its batches are applied. */
  flow(flow: AutoCdcFlow): AutoCdcFlow {
    return this.#isBeside ? refreshFlow(flow) : flow;
  }

  /**
   * Proves that a batch is still to be applied, and records it: called in its transaction, once it is applied.
   * @param counts what the batch did; null for snapshots, which report nothing
   * @throws DeclaredAnew, and LEASE_LOST
   */
  async record({ commitVersion }: BatchMetrics, counts: FlowMetrics | null): Promise<void> {
    await this.#requireOurs();
    if (!this.#isBeside) await this.#notify(counts, commitVersion);
    else if (counts !== null) this.#metrics = sumOf(this.#metrics, counts);
  }

  /** Only commits what was read under the current declaration, while we hold the lease. */
  async #requireOurs(): Promise<void> {
    const { client, lease, table } = this.#options;
    await requireLease(client, lease, table.fullName);
    await requireDeclaration(client, table);
  }

  async #notify(metrics: FlowMetrics | null, version: bigint | null): Promise<void> {
    const { client, updateId, table } = this.#options;
    await recordFlowBatch(client, updateId, table, metrics);
    await client.query('select pg_notify($1, $2)', [
      UPDATES_CHANNEL,
      announcement({
        table: table.fullName,
        version,
        method: 'AUTO_CDC',
        rowsWritten: metrics?.numUpsertedRows ?? 0n,
        rowsDeleted: metrics?.numDeletedRows ?? 0n,
      }),
    ]);
  }

  /** Puts the result of a full refresh in the place of what users have read until now. */
  async publish(): Promise<void> {
    const flow = this.#first;
    if (!this.#isBeside || flow === null) return;
    const { client, table } = this.#options;
    await this.#withPatience(() =>
      inTransaction(client, async () => {
        await client.query(`${BRIEF_LOCKS}; ${NO_SILENCE}`);
        await switchToRefreshed(client, flow);
        await this.#requireOurs();
        await this.#notify(this.#metrics, null);
        await writeStreamingRelation(client, table);
        return true as const;
      }),
    );
  }

  async #withPatience(attempt: () => Promise<true>): Promise<void> {
    const { client, table, signal } = this.#options;
    const { rows } = await client.query<{ relation: number }>(
      `select c.oid as relation from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2`,
      [table.schema, table.name],
    );
    const relation = rows[0]?.relation ?? null;
    await withLockPatience({ client, signal, inTheWay: () => ({ table, relation }) }, attempt);
  }
}

function sumOf(before: FlowMetrics | null, batch: FlowMetrics): FlowMetrics {
  return {
    numUpsertedRows: (before?.numUpsertedRows ?? 0n) + batch.numUpsertedRows,
    numDeletedRows: (before?.numDeletedRows ?? 0n) + batch.numDeletedRows,
  };
}
