import { elementsOf } from '../json-rows.js';
import type { RowProducer } from '../row-source.js';
import type { StatementResult } from './statement-client.js';

/** One statement, whose chunks several fetch. */
export function chunkProducers(
  run: (signal: AbortSignal) => Promise<StatementResult>,
  producersMax: number,
): RowProducer[] {
  let result: Promise<StatementResult> | null = null;
  let next = 0;
  const produce: RowProducer = async (sink, signal) => {
    result ??= run(signal);
    const { chunks, chunk } = await result;
    for (let index = next++; index < chunks; index = next++) {
      const bytes = Buffer.from(elementsOf(await chunk(index, signal)));
      if (bytes.byteLength > 0) await sink.append(bytes, bytes.byteLength);
    }
  };
  return Array.from({ length: producersMax }, () => produce);
}
