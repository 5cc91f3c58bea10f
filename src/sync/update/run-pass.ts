import { type Publishing, type PublishOptions, publishAll, publishedOf } from '../../postgres/publish/publication.js';
import { publishOptions } from '../task/publish-options.js';
import type { TableTask, UpdateRun } from '../task/update-task.js';
import { runTable } from './run-table.js';
import { runTogether, type SettleTable } from './run-together.js';

/**
 * One pass over tables of a pipeline, each in turn. A table that fails does not stop the others, unless they are
 * published together.
 * @param settle called after each table, before the next one
 */
export async function runPass<Result>(
  run: UpdateRun,
  tasks: readonly TableTask[],
  settle: SettleTable<Result>,
): Promise<Result[]> {
  if (tasks.length > 1 && tasks.every(({ table }) => table.publish === 'together')) {
    return runTogether(run, tasks, settle);
  }
  const options = publishOptions(run);
  const results: Result[] = [];
  for (const task of tasks) {
    run.signal.throwIfAborted();
    results.push(await settle(task, await runAlone(options, runTable(run, task))));
  }
  return results;
}

/** Runs the update of one table, or a part of it, with each of its publications in a transaction of its own. */
export async function runAlone<Outcome>(options: PublishOptions, update: Publishing<Outcome>): Promise<Outcome> {
  let step = await update.next();
  while (!step.done) {
    const publication = step.value;
    const outcome = await publishAll(options, [publication]);
    step =
      outcome.kind === 'failed'
        ? await update.throw(outcome.error)
        : await update.next(publishedOf(outcome.published, publication));
  }
  return step.value;
}
