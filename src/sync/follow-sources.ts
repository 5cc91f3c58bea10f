import type { UpdateOutcome } from '../core/update-outcome.js';
import { followFlows } from './flows/follow-flows.js';
import { followTables } from './follow/follow-tables.js';
import type { FollowTask } from './task/update-task.js';

/** Follows the sources of a pipeline of synced or streaming tables. */
export function followSources(task: FollowTask): Promise<UpdateOutcome> {
  return task.kind === 'FLOWS' ? followFlows(task) : followTables(task);
}
