import { publishEach } from '../postgres/publication.js';
import type { PassMember, PassOptions } from './pass-member.js';
import { runTableUpdate, type TableUpdateOutcome } from './run-table-update.js';
import { publishOptions, runTogether } from './run-together.js';

/**
 * One pass over tables of a pipeline, each in turn. A table that fails does not stop the others, unless they are
 * published together.
 * @param settle called after each table, before the next one
 */
export async function runPass<Result>(
  options: PassOptions,
  members: readonly PassMember[],
  settle: (member: PassMember, outcome: TableUpdateOutcome) => Promise<Result>,
): Promise<Result[]> {
  if (members.length > 1 && members.every(({ table }) => table.publish === 'together')) {
    return runTogether(options, members, settle);
  }
  const publish = publishEach(publishOptions(options));
  const results: Result[] = [];
  for (const member of members) {
    options.signal.throwIfAborted();
    results.push(await settle(member, await runTableUpdate({ ...options, ...member, publish })));
  }
  return results;
}
