import type { PublishOptions } from '../postgres/publication.js';
import { tellBlocked } from './tell-blocked.js';
import type { UpdateRun } from './update-run.js';

/** How the publications of an update are run: under its lease, with its patience. */
export function publishOptions(run: UpdateRun): PublishOptions {
  const { client, openSession, lease, signal, switchPatienceMs } = run;
  const patience = switchPatienceMs === undefined ? {} : { patienceMs: switchPatienceMs };
  return { client, openSession, lease, signal, ...patience, onBlocked: tellBlocked(run) };
}
