import { stagingColumns } from '../../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../../core/names.js';
import { openCopyStream } from '../../../lake/engine/copy-stream.js';
import { explainIfChanged, type ReadInPlace } from '../../../lake/relation/relation.js';
import { copyIn } from '../../../postgres/copy/copy-in.js';
import { createStaging } from '../../../scd/event/create-staging.js';
import type { FlowTableOptions } from '../run/flow-table-options.js';
import type { OpenedSource } from '../source/opened-source.js';
import { explainFlowValue } from './explain-flow-value.js';
import type { StagingPlan } from './plan-staging.js';

/**
 * Copies a source's rows into the session's staging table.
 * @param source its `rowCount`, if any, is checked against the number of staged rows
 * @returns the staging table's name, quoted for SQL
 * @throws FLOW_VALUE_INVALID
 */
export async function stageSource(
  { client, engine, signal }: FlowTableOptions,
  plan: StagingPlan,
  source: Pick<OpenedSource, 'connection' | 'select' | 'files'> & ReadInPlace & { readonly rowCount?: bigint | null },
): Promise<string> {
  const staging = await createStaging(client, plan.flow);
  const columns = stagingColumns(plan.flow).map(({ name }) => quoteIdentifier(name));
  const interrupt = () => source.connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const stream = await openCopyStream(source.connection, plan.select, 'text', engine.scratchFolder);
    const { rows } = await copyIn(client, `copy ${staging} (${columns.join(', ')}) from stdin`, stream);
    const written = await stream.finished;
    const expected = source.rowCount ?? written;
    if (rows !== written || rows !== expected) {
      throw new Error(`of ${expected} rows, ${written} were read and ${rows} staged`);
    }
    await source.requireUnchanged?.();
    return staging;
  } catch (error) {
    signal.throwIfAborted();
    throw await explainFlowValue(await explainIfChanged(source, error), plan, source);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
